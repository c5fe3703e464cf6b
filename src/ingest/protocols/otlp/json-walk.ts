import { scanValue, skipSpace } from "../../../core/json-scan.ts";

/** A text that is not JSON. Thrown, and caught where the reading of a body began. */
export class JsonFault extends Error {}

/** Bytes of a body, to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** The elements of the array that fills the range, one at a time: there may be millions. Throws a `JsonFault`. */
export function* elementsOf(bytes: Buffer, start: number, end: number): Generator<Range> {
  let at = skipSpace(bytes, start + 1, end);
  if (closes(bytes, at, end, CLOSE_ARRAY)) return;
  while (at < end) {
    const value = { start: at, end: scanValue(bytes, at, end).end };
    if (value.end === at) break;
    yield value;
    at = skipSpace(bytes, value.end, end);
    if (closes(bytes, at, end, CLOSE_ARRAY)) return;
    if (bytes[at] !== COMMA) break;
    at = skipSpace(bytes, at + 1, end);
  }
  throw new JsonFault();
}

/** The members of the object that fills the range, one at a time. Keys have their quotes. Throws a `JsonFault`. */
export function* membersOf(
  bytes: Buffer,
  start: number,
  end: number,
): Generator<{ readonly key: Range; readonly value: Range }> {
  let at = skipSpace(bytes, start + 1, end);
  if (closes(bytes, at, end, CLOSE_OBJECT)) return;
  while (at < end && bytes[at] === QUOTE) {
    const key = { start: at, end: scanValue(bytes, at, end).end };
    at = skipSpace(bytes, key.end, end);
    if (bytes[at] !== COLON) break;
    at = skipSpace(bytes, at + 1, end);
    if (at >= end) break;
    const value = { start: at, end: scanValue(bytes, at, end).end };
    if (value.end === at) break;
    yield { key, value };
    at = skipSpace(bytes, value.end, end);
    if (closes(bytes, at, end, CLOSE_OBJECT)) return;
    if (bytes[at] !== COMMA) break;
    at = skipSpace(bytes, at + 1, end);
  }
  throw new JsonFault();
}

/** Whether the array or object ends here, and its range with it. */
function closes(bytes: Buffer, at: number, end: number, closer: number): boolean {
  return at === end - 1 && bytes[at] === closer;
}
