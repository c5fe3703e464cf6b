import type { CollectedEvent, Position } from "../core/event.ts";
import { eventsIn } from "../decode/decode-events.ts";
import { parseJsonObject } from "../outbound/json-reply.ts";
import type { SourceRecord } from "./source-record.ts";

/** What is held in memory at most. */
const LIMITS = {
  /** Most bytes that come out of a record. A record of Kinesis has at most 10 MiB, and is made of little more. */
  recordBytes: 64 * 1024 ** 2,
  /** Most bytes of events in a batch; the first record is read in any case, so that each invocation gets further. */
  batchBytes: 256 * 1024 ** 2,
  /** With more lines that are no events, a record is no lines of events, and kept as it is. */
  poisonLines: 1_000,
};

/** Bytes in a record that no retry turns into an event. */
export interface Poison {
  /** Which of the records it was in. */
  readonly record: number;
  readonly code: "undecodable_record" | "not_an_event";
  readonly reason: string;
  readonly bytes: Buffer;
}

/** The events of one invocation: `events[n]` has position n, and is from record `recordOf[n]`. */
export interface StreamBatch {
  readonly records: readonly SourceRecord[];
  readonly events: readonly CollectedEvent[];
  readonly recordOf: readonly number[];
  readonly poison: readonly Poison[];
  /** Records from this one on were not read: they are for the next invocation. */
  readonly readTo: number;
}

interface Decoded {
  readonly events: readonly CollectedEvent[];
  readonly poison: readonly Poison[];
  readonly bytes: number;
}

export function readBatch(records: readonly SourceRecord[], limits = LIMITS): StreamBatch {
  const events: CollectedEvent[] = [];
  const recordOf: number[] = [];
  const poison: Poison[] = [];
  let bytes = 0;
  let readTo = 0;
  for (const record of records) {
    const decoded = readRecord(record, readTo, events.length, limits);
    bytes += decoded.bytes;
    if (bytes > limits.batchBytes && readTo > 0) break;
    for (const event of decoded.events) {
      events.push(event);
      recordOf.push(readTo);
    }
    poison.push(...decoded.poison);
    readTo++;
  }
  return { records, events, recordOf, poison, readTo };
}

function readRecord(source: SourceRecord, record: number, from: Position, limits: typeof LIMITS): Decoded {
  const { data, arrivedMs } = source;
  const events: CollectedEvent[] = [];
  let poison: Poison[] = [];
  let lines = 0;
  let bytes = 0;
  try {
    for (const line of eventsIn(data, limits.recordBytes)) {
      bytes += line.length;
      const event = readEvent(line, from + events.length, arrivedMs);
      if (typeof event !== "string") events.push(event);
      else if (++lines <= limits.poisonLines) poison.push({ record, code: "not_an_event", reason: event, bytes: line });
    }
  } catch (error) {
    const reason = `the record is damaged: ${error instanceof Error ? error.message : String(error)}`;
    return { events: [], poison: [{ record, code: "undecodable_record", reason, bytes: data }], bytes: data.length };
  }
  if (lines > limits.poisonLines) {
    const reason = `${lines} lines of it are no events; this is all of the record`;
    poison = [{ record, code: "undecodable_record", reason, bytes: data }];
  }
  return { events, poison, bytes };
}

/** The event, or why it is none. */
function readEvent(bytes: Buffer, position: Position, arrivedMs: number): CollectedEvent | string {
  const parsed = parseJsonObject(bytes);
  if (parsed === undefined) return "it is not a JSON object";
  const { id, type, source, receivedtime } = parsed;
  if (typeof id !== "string" || typeof type !== "string" || typeof source !== "string")
    return "it is not a CloudEvent: id, type and source must be strings";
  const receivedMs = typeof receivedtime === "string" ? Date.parse(receivedtime) : Number.NaN;
  return { position, id, type, source, receivedMs: Number.isNaN(receivedMs) ? arrivedMs : receivedMs, bytes };
}
