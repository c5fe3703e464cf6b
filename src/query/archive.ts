import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";

/** Files of one sink, `dt=…/hour=…/*`, whoever wrote them. */
export interface Archive {
  /** The sink's name. */
  readonly name: string;
  /** Absolute. */
  readonly dir: string;
  readonly columns: readonly ArchiveColumn[];
}

/** A column for a value within the event. */
export interface ArchiveColumn {
  readonly name: string;
  /** JSON Pointer into the event. */
  readonly from: string;
  readonly type: "string" | "int64" | "double" | "boolean" | "timestamp";
}

export type NdjsonEnding = ".ndjson" | ".ndjson.gz" | ".ndjson.zst";
export type Ending = NdjsonEnding | ".parquet";

export interface OpenFile {
  /** Absolute. */
  readonly path: string;
  /** From the archive's directory. */
  readonly folder: string;
  readonly ending: NdjsonEnding;
}

export interface ArchiveFiles {
  /** How many finished files there are of each ending. */
  readonly finished: ReadonlyMap<Ending, number>;
  /** Files of NDJSON that are still written to, under their hidden names. */
  readonly open: readonly OpenFile[];
}

/** Looks what an archive has. A directory that is not there has nothing. */
export async function findFiles(dir: string): Promise<ArchiveFiles> {
  const finished = new Map<Ending, number>();
  const open: OpenFile[] = [];
  for (const day of await entries(dir)) {
    if (!day.isDirectory() || !day.name.startsWith("dt=")) continue;
    for (const hour of await entries(path.join(dir, day.name))) {
      if (!hour.isDirectory() || !hour.name.startsWith("hour=")) continue;
      const folder = path.join(day.name, hour.name);
      for (const { name } of await entries(path.join(dir, folder))) {
        const [, dot, ending, partial] = /^(\.?).*(\.ndjson(?:\.gz|\.zst)?|\.parquet)(\.partial)?$/.exec(name) ?? [];
        if (!isEnding(ending)) continue;
        if (dot === "" && partial === undefined) finished.set(ending, (finished.get(ending) ?? 0) + 1);
        else if (partial !== undefined && ending !== ".parquet")
          open.push({ path: path.join(dir, folder, name), folder, ending });
      }
    }
  }
  return { finished, open };
}

function isEnding(text: string | undefined): text is Ending {
  return text === ".ndjson" || text === ".ndjson.gz" || text === ".ndjson.zst" || text === ".parquet";
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return [];
    throw error;
  }
}
