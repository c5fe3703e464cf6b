import type { CollectedEvent, Position } from "../core/event.ts";
import { Ledger } from "../core/ledger.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { checkSegment, type Damage } from "./segment-check.ts";
import { checkpointOf, segmentFiles } from "./slot-inspection.ts";
import { slotHolder } from "./slot-lock.ts";

/** What a sink is owed by the checkpoint, and what of that the segments have. */
export interface SinkCheck {
  readonly sink: string;
  readonly cursor: Position;
  readonly held: number;
  readonly found: number;
  /** Events that the sink is owed and nobody has: the next start counts them as lost. */
  readonly missing: number;
}

/** What reading all of a slot has shown. */
export interface SlotVerification {
  readonly directory: string;
  readonly process?: number;
  readonly segments: number;
  readonly bytes: number;
  readonly events: number;
  /** Bytes of a write that was not finished; no event is lost with them. */
  readonly unfinishedBytes: number;
  readonly damage: readonly Damage[];
  /** Empty when there is no checkpoint, or when the journal moved on while it was read. */
  readonly sinks: readonly SinkCheck[];
  readonly sound: boolean;
}

/**
 * Reads every frame of every segment of a slot, compares it with the checkpoint, and changes
 * nothing. The slot may be in use: what is being written is no damage, and what is deleted
 * meanwhile is left out.
 *
 * @param onProgress is told the bytes that were read, and how many there are
 */
export async function verifySlot(
  directory: string,
  onProgress: (done: number, total: number) => void,
  disk: Disk = nodeDisk,
): Promise<SlotVerification> {
  const process = (await slotHolder(directory))?.pid;
  // Before the segments: what it is owed then is still there when they are listed, or was settled since.
  const { name, checkpoint } = await checkpointOf(disk, directory);
  const files = await segmentFiles(disk, directory);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = typeof checkpoint === "object" ? new OwedCount(new Ledger(checkpoint)) : undefined;
  const damage: Damage[] = [];
  if (typeof checkpoint === "string") damage.push({ file: name, problem: PROBLEM_OF[checkpoint] });

  let [events, unfinishedBytes, done, segments] = [0, 0, 0, 0];
  // Between the checkpoint and the list a process may have deleted what its sinks had had.
  let hasMovedOn =
    process !== undefined && count !== undefined && (files[0]?.first ?? Number.POSITIVE_INFINITY) > count.lowest;
  for (const file of files) {
    const check = await checkSegment(disk, file, (event, offset) => {
      count?.add(event);
      onProgress(done + offset, total);
    });
    done += file.bytes;
    onProgress(done, total);
    if (check === undefined) {
      hasMovedOn = true;
      continue;
    }
    segments++;
    events += check.events;
    unfinishedBytes += check.unfinishedBytes;
    damage.push(...check.damage);
  }
  const sinks = hasMovedOn ? [] : (count?.sinks() ?? []);
  return {
    directory,
    ...(process !== undefined && { process }),
    segments,
    bytes: total,
    events,
    unfinishedBytes,
    damage,
    sinks,
    sound: damage.length === 0 && sinks.every(({ missing }) => missing === 0),
  };
}

const PROBLEM_OF = {
  damaged: "is damaged",
  newer: "is of a version that only a newer Millrace can read",
  unreadable: "cannot be read by the disk",
};

/** Counts what there is of what each sink is owed, source by source as the ledger does. */
class OwedCount {
  readonly #ledger: Ledger;
  readonly lowest: Position;
  readonly #sinks: readonly { readonly sink: string; readonly cursor: Position; readonly found: Map<string, number> }[];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.lowest = ledger.lowestCursor();
    this.#sinks = ledger.sinks.map((sink) => ({ sink, cursor: ledger.cursor(sink), found: new Map() }));
  }

  add({ position, source }: CollectedEvent): void {
    if (position < this.lowest || position >= this.#ledger.countedTo) return;
    for (const { cursor, found } of this.#sinks) {
      if (position >= cursor) found.set(source, (found.get(source) ?? 0) + 1);
    }
  }

  sinks(): SinkCheck[] {
    const rows = this.#ledger.rows();
    return this.#sinks.map(({ sink, cursor, found }) => {
      let [held, there, missing] = [0, 0, 0];
      for (const row of rows) {
        if (row.sink !== sink) continue;
        const has = found.get(row.source) ?? 0;
        held += row.held;
        there += has;
        missing += Math.max(0, row.held - has);
      }
      return { sink, cursor, held, found: there, missing };
    });
  }
}
