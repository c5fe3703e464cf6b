import assert from "node:assert/strict";
import type { Batch } from "../../core/sink.ts";
import type { CollectedEvent } from "../../core/event.ts";
import { MAX_RECORDS_PER_CALL } from "./service-limits.ts";

/** Events that share a record, in the order of the batch. */
interface PackedRecord {
  readonly key: string;
  readonly events: CollectedEvent[];
}

export interface Packing {
  readonly records: readonly PackedRecord[];
  /** For each event of the batch the index of its record. */
  readonly recordOf: Uint16Array;
}

export interface PackingRules {
  /** Number of groups; events of different groups never share a record. */
  readonly groups: number;
  groupOf(event: CollectedEvent): number;
  /** The partition key of a record, from its group and its first event. */
  keyOf(group: number, first: CollectedEvent): string;
  /** What an event takes in a record. */
  eventBytes(event: CollectedEvent): number;
  /** What a record has besides its events, its key included. */
  overheadBytes(key: string): number;
  /** Up to this size, overhead included, a record is filled. */
  targetBytes: number;
}

/**
 * Packs events into records, in order: each record is filled until the next event of
 * its group does not fit. An event larger than the target has a record to itself.
 *
 * Invariant: never more than 500 records. Two neighbours in a group exceed the room of
 * a record together, so n bytes in g groups make at most 2n / room + g records; the
 * room grows beyond the target as far as that needs.
 */
export function pack(batch: Batch, rules: PackingRules): Packing {
  let totalBytes = 0;
  for (const event of batch) totalBytes += rules.eventBytes(event);
  const leastRoom = Math.ceil((2 * totalBytes) / (MAX_RECORDS_PER_CALL - rules.groups));

  const records: PackedRecord[] = [];
  const recordOf = new Uint16Array(batch.length);
  const open = new Int32Array(rules.groups).fill(-1);
  const room = new Float64Array(rules.groups);
  let index = 0;
  for (const event of batch) {
    const group = rules.groupOf(event);
    const bytes = rules.eventBytes(event);
    let record = records[open[group] ?? -1];
    if (record === undefined || bytes > (room[group] ?? 0)) {
      const key = rules.keyOf(group, event);
      record = { key, events: [] };
      open[group] = records.push(record) - 1;
      room[group] = Math.max(rules.targetBytes - rules.overheadBytes(key), leastRoom);
    }
    record.events.push(event);
    room[group] = (room[group] ?? 0) - bytes;
    recordOf[index++] = open[group] ?? 0;
  }
  assert(records.length <= MAX_RECORDS_PER_CALL, "a packed batch fits in one call");
  return { records, recordOf };
}
