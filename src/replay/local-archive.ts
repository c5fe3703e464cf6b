import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Hour, hourOfFolder } from "../formats/hour-folders.ts";
import { errorCode } from "../journal/disk.ts";
import type { ArchiveFile } from "./archive-file.ts";
import { fileChunks } from "./file-chunks.ts";
import { mayHold, type TimeRange } from "./time-range.ts";

/**
 * The finished files below the directory of a `file` sink, of all nodes and slots that write there.
 * Files under hidden names are still written to, and are left out. A directory that is not there has none.
 */
export async function localArchive(dir: string, range: TimeRange): Promise<ArchiveFile[]> {
  const files: ArchiveFile[] = [];
  for (const day of await names(dir)) {
    if (!day.startsWith("dt=")) continue;
    for (const hourName of await names(path.join(dir, day))) {
      const hour = hourOfFolder(day, hourName);
      if (hour === undefined || !mayHold(range, hour)) continue;
      for (const name of await names(path.join(dir, day, hourName))) {
        if (name.startsWith(".")) continue;
        const file = await archiveFile(dir, path.join(day, hourName, name), hour);
        if (file !== undefined) files.push(file);
      }
    }
  }
  return files;
}

async function archiveFile(dir: string, relative: string, hour: Hour): Promise<ArchiveFile | undefined> {
  const name = path.join(dir, relative);
  const size = await stat(name).catch((error: unknown) => {
    // Deleted meanwhile, or a link to nowhere or to itself: no file, like a folder or a pipe of such a name.
    if (["ENOENT", "ELOOP", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  });
  if (size?.isFile() !== true) return undefined;
  return {
    path: relative.split(path.sep).join("/"),
    name,
    bytes: size.size,
    hour,
    chunks: (onBytes) => fileChunks(name, size.size, onBytes),
    async range(start, end) {
      await using file = await open(name, "r");
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      return buffer.subarray(0, bytesRead);
    },
  };
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
