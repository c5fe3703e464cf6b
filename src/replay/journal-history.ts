import type { Position } from "../core/event.ts";
import { type Disk, errorCode, nodeDisk } from "../journal/disk.ts";
import { FrameScanner } from "../journal/frame-scanner.ts";
import type { SegmentFile } from "../journal/segment-check.ts";
import { inspectHeader, SEGMENT_HEADER_BYTES } from "../journal/segment-header.ts";
import { checkpointOf, segmentFiles } from "../journal/slot-inspection.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import { slotsOnDisk } from "../journal/slots-on-disk.ts";
import type { StoredItem, StoredUnit } from "./event-store.ts";

/** In each slot that knows the sink, the position from which on the collector has still to deliver to it, by the last checkpoint. */
export async function owedPositions(
  config: { readonly dir: string },
  sink: string,
  disk: Disk = nodeDisk,
): Promise<Record<string, Position>> {
  const owed: Record<string, Position> = {};
  for (const { slot } of await slotsOnDisk(config)) {
    const { checkpoint } = await checkpointOf(disk, slotDirectory(config, slot));
    const known = typeof checkpoint === "object" ? checkpoint.sinks[sink] : undefined;
    if (known !== undefined) owed[slot] = known.cursor;
  }
  return owed;
}

/**
 * The segments of a journal, of every slot, as they are now. Nothing is locked or changed: a collector may run on it,
 * and the end that it is just writing is left for the next time, as is what a crash left torn.
 *
 * @param owedFrom from which position on events are skipped, since the collector will deliver them itself; by slot
 */
export async function journalHistory(
  config: { readonly dir: string },
  owedFrom: Readonly<Record<string, Position>>,
  disk: Disk = nodeDisk,
): Promise<StoredUnit[]> {
  const units: StoredUnit[] = [];
  for (const { slot } of await slotsOnDisk(config)) {
    const directory = slotDirectory(config, slot);
    const owed = owedFrom[slot] ?? Number.POSITIVE_INFINITY;
    for (const segment of await segmentFiles(disk, directory)) {
      units.push({
        key: `${slot}/${segment.name}`,
        name: segment.path,
        bytes: segment.bytes,
        read: (onBytes) => segmentItems(disk, segment, owed, onBytes),
      });
    }
  }
  return units.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

async function* segmentItems(
  disk: Disk,
  segment: SegmentFile,
  owed: Position,
  onBytes: (bytes: number) => void,
): AsyncGenerator<readonly StoredItem[]> {
  const file = await disk.open(segment.path).catch((error: unknown) => {
    // Every sink has had it, and its time is over.
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const state = inspectHeader(header.subarray(0, await file.read(header, 0)), segment.first);
    if (state === "newer") throw new Error(`${segment.path} is of a version that only a newer Millrace can read`);
    if (state === "foreign") throw new Error(`${segment.path} is not the segment that its name says`);
    const scanner = new FrameScanner(file, SEGMENT_HEADER_BYTES, {
      limit: () => segment.bytes,
      first: segment.first,
      below: () => segment.nextFirst ?? Number.MAX_SAFE_INTEGER,
    });
    let told = 0;
    do {
      const items: StoredItem[] = [];
      while (scanner.next()) {
        const event = scanner.event();
        items.push({ index: event.position, event, ...(event.position >= owed && { skip: "still_owed" }) });
      }
      onBytes(scanner.goodEnd - told);
      told = scanner.goodEnd;
      if (items.length > 0) yield items;
    } while (await scanner.load());
  } finally {
    await file.close();
  }
}
