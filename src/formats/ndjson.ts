import type { CollectedEvent } from "../core/event.ts";
import type { Batch } from "../core/sink.ts";

const LINE_END = 0x0a;

/** The events as NDJSON in one buffer: each event's own bytes and a line end. */
export function encodeNdjson(events: Batch): Buffer {
  let size = 0;
  for (const event of events) size += ndjsonBytes(event);
  const lines = Buffer.allocUnsafe(size);
  let end = 0;
  for (const event of events) {
    end += event.bytes.copy(lines, end);
    lines[end++] = LINE_END;
  }
  return lines;
}

/** What an event takes as a line. */
export function ndjsonBytes(event: CollectedEvent): number {
  return event.bytes.length + 1;
}
