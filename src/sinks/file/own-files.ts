import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { type Hour, hourOfFolder } from "../../formats/hour-folders.ts";
import { type FileName, parseName } from "./layout.ts";

export interface OwnFile {
  readonly folder: string;
  readonly file: string;
  readonly hour: Hour;
  readonly name: FileName;
  /** Still under its hidden name. */
  readonly partial: boolean;
}

/** Finds the writer's own files, finished and partial, and nothing else. A directory that does not exist has none. */
export async function* ownFiles(dir: string, writer: string | RegExp): AsyncGenerator<OwnFile> {
  for (const day of await entries(dir)) {
    if (!day.isDirectory() || !day.name.startsWith("dt=")) continue;
    for (const hourFolder of await entries(path.join(dir, day.name))) {
      const hour = hourOfFolder(day.name, hourFolder.name);
      if (!hourFolder.isDirectory() || hour === undefined) continue;
      const folder = path.join(dir, day.name, hourFolder.name);
      for (const entry of await entries(folder)) {
        const parsed = parseName(entry.name, writer);
        if (entry.isFile() && parsed !== undefined) yield { folder, file: entry.name, hour, ...parsed };
      }
    }
  }
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
