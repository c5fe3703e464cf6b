import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "./disk.ts";

/** Beside the slots. Who may read the journal may say that an event is a replay. */
const TOKEN_NAME = "replay-token";

const TOKEN = /^[0-9a-f]{64}$/;

/** What `millrace replay` shows the collector of this journal; made when there is none. */
export async function makeReplayToken({ dir }: { readonly dir: string }): Promise<string> {
  const path = join(dir, TOKEN_NAME);
  const known = await readReplayToken({ dir });
  if (known !== undefined) return known;
  const token = randomBytes(32).toString("hex");
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const draft = `${path}.${token.slice(0, 8)}`;
  await writeFile(draft, token, { flag: "wx", mode: 0o600 });
  try {
    // Whole or not at all, and only one of the workers that start together is first.
    await link(draft, path);
    return token;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    const other = await readReplayToken({ dir });
    if (other === undefined) await rename(draft, path);
    return other ?? token;
  } finally {
    await rm(draft, { force: true });
  }
}

/** `undefined` when no collector has made one, or it cannot be read. */
export async function readReplayToken({ dir }: { readonly dir: string }): Promise<string | undefined> {
  const text = await readFile(join(dir, TOKEN_NAME), "utf8").catch(() => "");
  return TOKEN.test(text) ? text : undefined;
}
