import type { CollectedEvent } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";
import { encodeNdjson } from "../../formats/ndjson.ts";
import type { HttpSinkConfig } from "./config.ts";

const OPEN = 0x5b;
const COMMA = 0x2c;
const CLOSE = 0x5d;

export const CONTENT_TYPES: Readonly<Record<HttpSinkConfig["format"], string>> = {
  ndjson: "application/x-ndjson",
  json: "application/json",
  cloudevents: "application/cloudevents-batch+json",
};

/** The body of a request, before compression. Each event is in it byte for byte. */
export function encodeBody(events: Batch, format: HttpSinkConfig["format"]): Buffer {
  return format === "ndjson" ? encodeNdjson(events) : encodeArray(events);
}

/** An event takes its bytes and a line end, or a comma. */
export function bodyBytes(event: CollectedEvent): number {
  return event.bytes.length + 1;
}

/** What a body has beside its events: an array of n events has n - 1 commas and two brackets. */
export const BODY_OVERHEAD_BYTES = 1;

function encodeArray(events: Batch): Buffer {
  let size = BODY_OVERHEAD_BYTES;
  for (const event of events) size += bodyBytes(event);
  const array = Buffer.allocUnsafe(size);
  let end = 0;
  for (const event of events) {
    array[end] = end === 0 ? OPEN : COMMA;
    end += 1 + event.bytes.copy(array, end + 1);
  }
  array[end] = CLOSE;
  return array;
}
