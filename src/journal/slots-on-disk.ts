import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError } from "../core/errors.ts";
import type { Position } from "../core/event.ts";
import { SLOT_NAME } from "../core/slot-name.ts";
import { CHECKPOINT_NAME } from "./checkpoint-file.ts";
import { errorCode } from "./disk.ts";
import { COPY_SUFFIX, firstOfSegmentName } from "./segment-header.ts";
import { slotDirectory } from "./slot-directory.ts";

/** A journal slot that is on disk, whoever may have it open. */
export interface SlotOnDisk {
  readonly slot: string;
  /** Whether it has segments, and with them perhaps events. A slot that was emptied has none. */
  readonly hasSegments: boolean;
}

/**
 * The slots of a journal, by name; none when the journal was never used. A slot that cannot be
 * read is left out. Rejects with `journal_unusable` when the journal's directory cannot be read.
 */
export async function slotsOnDisk({ dir }: { readonly dir: string }): Promise<SlotOnDisk[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    const problem = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      "journal_unusable",
      `the journal in ${dir} cannot be read: ${problem}. Make it a directory that can be read and written, or set journal.dir.`,
      { cause: error },
    );
  });
  const slots: SlotOnDisk[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || !SLOT_NAME.test(entry.name)) continue;
    const names = await readdir(join(dir, entry.name)).catch(() => undefined);
    if (names === undefined) continue;
    slots.push({ slot: entry.name, hasSegments: names.some((name) => mayHaveEvents(name)) });
  }
  return slots.toSorted((a, b) => (a.slot < b.slot ? -1 : 1));
}

/** The files that another node needs to deliver what a slot holds from `needed` on. Only of a slot that is closed. */
export async function filesToDeliver(
  config: { readonly dir: string },
  slot: string,
  needed: Position,
): Promise<{ name: string; path: string; bytes: number }[]> {
  const directory = slotDirectory(config, slot);
  const present = new Set(await readdir(directory));
  const names = [...new Set([...present].map((name) => segmentOf(name)))]
    .filter((name) => firstOfSegmentName(name) !== undefined)
    .toSorted();
  // A segment ends where the next one begins.
  const wanted = names.filter(
    (_, at) => (firstOfSegmentName(names[at + 1] ?? "") ?? Number.POSITIVE_INFINITY) > needed,
  );
  return Promise.all(
    [...wanted, CHECKPOINT_NAME].map(async (name) => {
      const path = join(directory, present.has(name) ? name : `${name}${COPY_SUFFIX}`);
      return { name, path, bytes: (await stat(path)).size };
    }),
  );
}

/** Deletes the segments of a slot that every sink has had. Hold the slot's lock. Its ledger stays. */
export async function removeSegments(config: { readonly dir: string }, slot: string): Promise<void> {
  const directory = slotDirectory(config, slot);
  for (const name of await readdir(directory)) {
    if (mayHaveEvents(name)) await rm(join(directory, name), { force: true });
  }
}

/** A crash may leave the copy of a damaged segment under its first name, and nothing under that of the segment. */
export function mayHaveEvents(name: string): boolean {
  return segmentOf(name).endsWith(".seg");
}

/** The name of the segment whose copy has this name; else the name. */
function segmentOf(name: string): string {
  return name.endsWith(COPY_SUFFIX) ? name.slice(0, -COPY_SUFFIX.length) : name;
}
