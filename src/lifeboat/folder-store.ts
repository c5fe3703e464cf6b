import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Cargo, LifeboatStore } from "./lifeboat-store.ts";
import { MANIFEST_NAME, type Manifest } from "./manifest.ts";
import { syncPath } from "./sync-path.ts";

/** Of a lifeboat that is being written; names with a dot are not listed. */
const PARTIAL_PREFIX = ".partial-";

/** Copied and synced at a time; in between it is looked whether there is time left. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Lifeboats in a directory, one folder each. */
export class FolderStore implements LifeboatStore {
  readonly place: string;

  constructor(dir: string) {
    this.place = dir;
  }

  async put(boat: string, cargo: readonly Cargo[], manifest: Manifest, signal: AbortSignal): Promise<void> {
    const partial = join(this.place, `${PARTIAL_PREFIX}${boat}`);
    await mkdir(partial, { recursive: true, mode: 0o750 });
    try {
      for (const { name, path } of cargo) {
        await copySynced(path, join(partial, name), signal);
      }
      const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
      await writeSynced(join(partial, MANIFEST_NAME), text);
      signal.throwIfAborted();
      await syncPath(partial);
      await rename(partial, join(this.place, boat));
      await syncPath(this.place);
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.place, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .toSorted();
  }

  async manifest(boat: string): Promise<string> {
    return readFile(join(this.place, boat, MANIFEST_NAME), "utf8");
  }

  async fetch(boat: string, file: string, to: string): Promise<void> {
    await copyFile(join(this.place, boat, file), to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  }

  async remove(boat: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await rm(join(this.place, boat), { recursive: true, force: true });
  }
}

/** Not `copyFile`, which cannot be cut short: a file server may take minutes for a segment. */
async function copySynced(from: string, to: string, signal: AbortSignal): Promise<void> {
  await using source = await open(from, "r");
  await using copy = await open(to, "w", 0o640);
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(chunk, 0, chunk.length);
    if (bytesRead === 0) break;
    await copy.writeFile(chunk.subarray(0, bytesRead));
    // Else the kernel takes all at once, and a sync at the end takes the time.
    await copy.datasync();
  }
  await copy.sync();
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
