import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "./disk.ts";

/**
 * Why a directory cannot be used, and what to do, for a message that goes on with another way
 * out. Looks for itself, since mkdir and SQLite do not tell, such as that a disk is read-only.
 *
 * @param cause what is said when nothing is found
 */
export async function whyUnusable(directory: string, cause: unknown): Promise<string> {
  try {
    if (!(await stat(directory)).isDirectory()) return `${directory} is a file and no directory. Move it away`;
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = errorCode(error);
    const parent = dirname(directory);
    if ((code === "ENOENT" || code === "ENOTDIR") && parent !== directory) return whyUnusable(parent, cause);
    return whatToDo(error);
  }
  return whatToDo(cause);
}

function whatToDo(error: unknown): string {
  return `${error instanceof Error ? error.message : String(error)}. Make the directory readable and writable`;
}
