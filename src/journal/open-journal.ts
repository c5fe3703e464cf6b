import { dirname } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import type { Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { JournalConfig } from "./config.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { DiskJournal } from "./disk-journal.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import { createJournalMetrics, type JournalMetrics } from "./metrics.ts";
import { PositionsFile } from "./positions-file.ts";
import { type Recovery, SlotRecovery } from "./recovery.ts";
import { SegmentList } from "./segment-list.ts";
import { slotDirectory } from "./slot-directory.ts";

export interface OpenJournalOptions {
  readonly config: JournalConfig;
  readonly slot: string;
  /** Lowest position the next event may get: the checkpoint's `countedTo`, so that none is used twice after a power cut. */
  readonly atLeast: Position;
  /** Every sink has had what is below: the checkpoint's lowest cursor. */
  readonly neededFrom: Position;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: JournalMetrics;
  /** Room that the checkpoint needs on the same disk: while it cannot be held, the journal is full. */
  readonly reserve?: DiskReserve;
  readonly disk?: Disk;
}

/**
 * Opens the journal of a slot and recovers what an earlier process left. Hold the slot's
 * lock meanwhile and as long as the journal is open: see `lockSlot`.
 *
 * Rejects with `journal_unusable` when the directory cannot be created, read or written, or
 * when the journal is to be in memory and the directory still has events that sinks need.
 */
export async function openJournal(options: OpenJournalOptions): Promise<{ journal: Journal; recovery: Recovery }> {
  const { config, slot, clock, log, atLeast, neededFrom, disk = nodeDisk, metrics = createJournalMetrics() } = options;
  const directory = slotDirectory(config, slot);
  const positions = new PositionsFile({ disk, directory, reserve: options.reserve, log });
  const { segments, unsynced, end, first, recovery } = await usable(directory, async () => {
    await disk.mkdir(directory);
    await disk.syncDirectory(dirname(directory));
    const found = await new SlotRecovery({ disk, directory, clock, log }).run();
    return {
      ...found,
      first: await positions.begin(Math.max(found.next, atLeast), found.recovery.foreignFiles > 0),
    };
  });
  metrics.recoveredDamagedSegments.inc(recovery.damagedSegments);
  metrics.recoveredForeignFiles.inc(recovery.foreignFiles);
  metrics.recoveredTruncatedBytes.inc(recovery.truncatedBytes);
  const onClosed = (next: Position): Promise<void> => positions.end(next);
  if (config.durability === "memory") {
    if (end > neededFrom) throw eventsOnDisk(directory);
    return { journal: createMemoryJournal({ slot, maxBytes: config.maxBytes, first, onClosed }), recovery };
  }
  const journal = new DiskJournal({
    slot,
    durability: config.durability,
    maxBytes: config.maxBytes,
    segmentBytes: config.segmentBytes,
    tailBytes: config.tailBytes,
    unsynced: config.unsynced,
    directory,
    segments: new SegmentList(segments, { disk, directory, retainMs: config.retainMs, clock, log }),
    recoveredUnsynced: unsynced,
    end,
    first,
    disk,
    reserve: options.reserve,
    isNoted: () => positions.isNoted(),
    onClosed,
    clock,
    log,
    metrics,
  });
  return { journal, recovery };
}

function eventsOnDisk(directory: string): MillraceError {
  return new MillraceError(
    "journal_unusable",
    `the journal in ${directory} has events that not every sink has had, and a journal in memory would give them up. ` +
      "Start with journal.durability os until they are delivered, or delete the *.seg files there.",
  );
}

async function usable<T>(directory: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      "journal_unusable",
      `the journal in ${directory} cannot be used: ${problem}. Make the directory readable and writable, or set journal.dir.`,
      { cause: error },
    );
  }
}
