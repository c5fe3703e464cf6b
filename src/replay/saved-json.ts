import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { MillraceError } from "../core/errors.ts";
import { errorCode } from "../journal/disk.ts";

/**
 * Replaces a file as a whole, so that whoever reads it finds the old or the new, also after a power cut.
 * Rejects with `replay_unusable`: a replay that cannot save how far it has come must not go on.
 */
export async function saveJson(file: string, value: unknown): Promise<void> {
  try {
    await replace(file, value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      "replay_unusable",
      `how far the replay has come cannot be saved in ${file}: ${why}. Make room there, or name another folder with --state-dir`,
      { cause: error },
    );
  }
}

async function replace(file: string, value: unknown): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o750 });
  const next = `${file}.next`;
  const handle = await open(next, "w", 0o640);
  try {
    await handle.writeFile(`${JSON.stringify(value)}\n`);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(next, file);
}

/** `undefined` when there is no such file. */
export async function loadJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
