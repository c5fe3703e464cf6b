import type { CollectedEvent, Position } from "../core/event.ts";
import { decodeEvents } from "../decode/decode-events.ts";
import { parseJsonObject } from "../outbound/json-reply.ts";
import type { SourceRecord } from "./source-record.ts";

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
}

export function readBatch(records: readonly SourceRecord[]): StreamBatch {
  const events: CollectedEvent[] = [];
  const recordOf: number[] = [];
  const poison: Poison[] = [];
  for (const [index, record] of records.entries()) {
    let parts: Buffer[];
    try {
      parts = decodeEvents(record.data);
    } catch (error) {
      const reason = `the record is damaged: ${error instanceof Error ? error.message : String(error)}`;
      poison.push({ record: index, code: "undecodable_record", reason, bytes: record.data });
      continue;
    }
    for (const bytes of parts) {
      const event = readEvent(bytes, events.length, record.arrivedMs);
      if (typeof event === "string") {
        poison.push({ record: index, code: "not_an_event", reason: event, bytes });
        continue;
      }
      events.push(event);
      recordOf.push(index);
    }
  }
  return { records, events, recordOf, poison };
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
