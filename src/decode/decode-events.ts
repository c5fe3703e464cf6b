import { inflate, MAX_INFLATED_BYTES } from "./inflate.ts";
import { decodeAggregate, isAggregate } from "./kpl-aggregate.ts";

const LINE_END = 0x0a;

/**
 * The events in what a sink wrote (a record of a stream, a message, an object, a file): each
 * one's own bytes, a CloudEvents JSON object. The format is told by the first bytes: a KPL
 * aggregate, gzip, zstd, else JSON, one event a line.
 *
 * Throws on an aggregate or compressed data that is damaged. It does not look into the
 * events: whether a line is JSON is for its reader to find out.
 */
export function decodeEvents(data: Uint8Array): Buffer[] {
  return [...eventsIn(data, MAX_INFLATED_BYTES)];
}

/** The same, one after the other, and at most `maxBytes` of them when they are compressed. */
export function eventsIn(data: Uint8Array, maxBytes: number): Iterable<Buffer> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (isAggregate(bytes)) return decodeAggregate(bytes).map((event) => event.data);
  return linesOf(inflate(bytes, maxBytes));
}

/** A line end behind the last line may be missing: a record of one event has none. Empty lines are no events. */
function* linesOf(text: Buffer): Generator<Buffer> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf(LINE_END, start);
    const end = found === -1 ? text.length : found;
    if (end > start) yield text.subarray(start, end);
    start = end + 1;
  }
}
