import { inflate } from "./inflate.ts";
import { decodeAggregate, type DecodedEvent } from "./kpl-aggregate.ts";

const LINE_END = 0x0a;

/** How the collector writes records, as its configuration names it. */
export type RecordFormat = "none" | "kpl" | "ndjson";

/**
 * The events in a record's data, in order. Throws on data that is not in the format.
 * `ndjson` is decompressed as its first bytes say.
 */
export function decodeRecord(data: Buffer, partitionKey: string, format: RecordFormat): DecodedEvent[] {
  switch (format) {
    case "none":
      return [{ partitionKey, data }];
    case "kpl":
      return decodeAggregate(data);
    case "ndjson":
      return splitLines(inflate(data)).map((line) => ({ partitionKey, data: line }));
  }
}

function splitLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf(LINE_END, start);
    if (end === -1) throw new Error("the last line has no end");
    lines.push(text.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
