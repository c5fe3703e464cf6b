import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
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
  try {
    await writeFile(path, token, { flag: "wx", mode: 0o600 });
  } catch (error) {
    // Another worker was first, and may be writing it; or it is damaged.
    if (errorCode(error) !== "EEXIST") throw error;
    const other = await readReplayToken({ dir });
    if (other !== undefined) return other;
    await writeFile(path, token, { mode: 0o600 });
  }
  return token;
}

/** `undefined` when no collector has made one, or it cannot be read. */
export async function readReplayToken({ dir }: { readonly dir: string }): Promise<string | undefined> {
  const text = await readFile(join(dir, TOKEN_NAME), "utf8").catch(() => "");
  return TOKEN.test(text) ? text : undefined;
}
