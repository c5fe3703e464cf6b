import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Disk } from "./disk.ts";
import { modifiedAt } from "./file-age.ts";

/** A file of rejected events that is no longer written to. */
export interface OldFile {
  readonly path: string;
  readonly bytes: number;
  /** When its newest entry was written, by the monotonic clock. */
  readonly modifiedMs: number;
}

const FILE_NAME = /^(.+)-\d{8}T\d{6}-\d+\.ndjson$/;

/** Whether a name is that of a file of rejected events, of a slot if one is given. */
export function isRejectFileOf(name: string, slot?: string): boolean {
  const owner = FILE_NAME.exec(name)?.[1];
  return owner !== undefined && (slot === undefined || owner === slot);
}

/** What earlier processes of a slot have left, oldest first. */
export async function rejectFilesOnDisk(log: {
  readonly config: { readonly dir: string };
  readonly slot: string;
  readonly disk: Disk;
  readonly clock: Clock;
}): Promise<OldFile[]> {
  const { config, slot, disk, clock } = log;
  const files: OldFile[] = [];
  for (const name of await disk.list(config.dir)) {
    // Other slots keep their files in the same directory.
    if (!isRejectFileOf(name, slot)) continue;
    const path = join(config.dir, name);
    const { bytes, modifiedMs } = await disk.stat(path);
    files.push({ path, bytes, modifiedMs: modifiedAt(clock, modifiedMs) });
  }
  return files.toSorted((a, b) => a.modifiedMs - b.modifiedMs);
}
