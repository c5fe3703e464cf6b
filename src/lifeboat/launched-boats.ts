import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncPath } from "./sync-path.ts";

/**
 * The lifeboats that were filled from a slot, written down beside its journal: whoever finds
 * the name there has the journal that the lifeboat is a copy of.
 */
export class LaunchedBoats {
  readonly #path: string;

  constructor(slotDirectory: string) {
    this.#path = join(slotDirectory, "lifeboats");
  }

  async add(boat: string): Promise<void> {
    await appendFile(this.#path, `${boat}\n`, { mode: 0o640 });
    await syncPath(this.#path);
  }

  async read(): Promise<string[]> {
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    return text.split("\n").filter((name) => name !== "");
  }

  async clear(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
