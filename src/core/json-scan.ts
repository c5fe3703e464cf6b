/**
 * Finds where JSON values begin and end without building them, so that one event of
 * a batch can be parsed, refused or copied on its own, and so that its depth and
 * size are known before anything is allocated for it.
 *
 * It does not validate: `JSON.parse` of each range does. For text that `JSON.parse`
 * accepts every range is exact. For any other bytes the ranges are arbitrary, but
 * within bounds, in order and not overlapping.
 */

/** What one pass over a value learned. Offsets are into the scanned bytes. */
export interface ScannedValue {
  readonly start: number;
  /** One past the last byte. The end of the text when the value is cut short. */
  readonly end: number;
  /** Deepest nesting: 0 for a scalar, 1 for `{}`, 2 for `{"a":{}}`. */
  readonly depth: number;
  /** Members and elements at all levels. */
  readonly keys: number;
  /** Members or elements of the value itself. */
  readonly ownKeys: number;
  /** True when a member's name is longer than `MAX_MEMBER_NAME_BYTES`. */
  readonly longName: boolean;
}

/**
 * Longest name of a member, in bytes as it is written. V8 keeps every name in one table
 * and hashes those over 16,383 characters by their length alone: a thousand that differ
 * in their last characters only would take it half a second to tell apart.
 */
export const MAX_MEMBER_NAME_BYTES = 1024;

/** A member of an object. The key's range includes its quotes. */
export interface ScannedMember {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Where the next token begins. */
export function skipSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(bytes[at])) at++;
  return at;
}

/** Where the text ends when the white space at its end is left off. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isSpace(bytes[at - 1])) at--;
  return at;
}

/** One of the four characters that JSON allows between tokens. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Scans the value that begins at `start`, which must not be white space, in text that ends at `end`. */
export function scanValue(bytes: Uint8Array, start: number, end: number): ScannedValue {
  const first = bytes[start];
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return scanContainer(bytes, start, end);
  const valueEnd = first === QUOTE ? skipString(bytes, start + 1, end) : skipScalar(bytes, start, end);
  return { start, end: valueEnd, depth: 0, keys: 0, ownKeys: 0, longName: false };
}

/**
 * The elements of the array that begins at `start`, at most `maxElements` + 1 of them.
 * `undefined` when the text is not an array that ends where the text does, give or
 * take white space.
 */
export function scanElements(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxElements: number,
): ScannedValue[] | undefined {
  if (bytes[start] !== OPEN_ARRAY) return undefined;
  const elements: ScannedValue[] = [];
  let at = skipSpace(bytes, start + 1, end);
  if (bytes[at] === CLOSE_ARRAY && at < end) return skipSpace(bytes, at + 1, end) === end ? elements : undefined;
  while (at < end) {
    const element = scanValue(bytes, at, end);
    if (element.end === at) return undefined;
    elements.push(element);
    if (elements.length > maxElements) return elements;
    at = skipSpace(bytes, element.end, end);
    if (at >= end) return undefined;
    if (bytes[at] === CLOSE_ARRAY) return skipSpace(bytes, at + 1, end) === end ? elements : undefined;
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, end);
  }
  return undefined;
}

/**
 * The members of the object that begins at `start`; `undefined` when the text is not an object that
 * ends at `end`, or has more than `maxMembers`.
 */
export function scanMembers(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxMembers = Number.POSITIVE_INFINITY,
): ScannedMember[] | undefined {
  if (bytes[start] !== OPEN_OBJECT) return undefined;
  const members: ScannedMember[] = [];
  let at = skipSpace(bytes, start + 1, end);
  if (bytes[at] === CLOSE_OBJECT && at < end) return skipSpace(bytes, at + 1, end) === end ? members : undefined;
  while (at < end && bytes[at] === QUOTE) {
    const keyStart = at;
    const keyEnd = skipString(bytes, at + 1, end);
    at = skipSpace(bytes, keyEnd, end);
    if (at >= end || bytes[at] !== COLON) return undefined;
    const valueStart = skipSpace(bytes, at + 1, end);
    if (valueStart >= end) return undefined;
    const valueEnd = scanValue(bytes, valueStart, end).end;
    if (valueEnd === valueStart || members.length >= maxMembers) return undefined;
    members.push({ keyStart, keyEnd, valueStart, valueEnd });
    at = skipSpace(bytes, valueEnd, end);
    if (at >= end) return undefined;
    if (bytes[at] === CLOSE_OBJECT) return skipSpace(bytes, at + 1, end) === end ? members : undefined;
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, end);
  }
  return undefined;
}

/** What a byte between strings means for the shape of a value: by a table, since most mean nothing. */
const NOTHING = 0;
const STRING = 1;
const SEPARATOR = 2;
const OPEN = 3;
const CLOSE = 4;
const SHAPES = new Uint8Array(256);
SHAPES[QUOTE] = STRING;
SHAPES[COMMA] = SEPARATOR;
SHAPES[OPEN_OBJECT] = SHAPES[OPEN_ARRAY] = OPEN;
SHAPES[CLOSE_OBJECT] = SHAPES[CLOSE_ARRAY] = CLOSE;

// Every byte of every event passes here: one loop for what is between strings, and one within them.
function scanContainer(bytes: Uint8Array, start: number, end: number): ScannedValue {
  let at = start;
  let open = 0;
  let depth = 0;
  let keys = 0;
  let ownKeys = 0;
  let longName = false;
  while (at < end) {
    const shape = SHAPES[bytes[at++] ?? 0];
    if (shape === NOTHING) continue;
    if (shape === STRING) {
      const textStart = at;
      while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
      // Perhaps beyond the end: a check here would make the whole scan half as slow again.
      at++;
      if (at - textStart > MAX_MEMBER_NAME_BYTES + 1 && bytes[skipSpace(bytes, at, end)] === COLON) longName = true;
    } else if (shape === SEPARATOR) {
      keys++;
      if (open === 1) ownKeys++;
    } else if (shape === OPEN) {
      if (++open > depth) depth = open;
      at = skipSpace(bytes, at, end);
      // Each comma stands for one more member; the first has none before it.
      if (at < end && SHAPES[bytes[at] ?? 0] !== CLOSE) {
        keys++;
        if (open === 1) ownKeys++;
      }
    } else if (--open === 0) break;
  }
  return { start, end: Math.min(at, end), depth, keys, ownKeys, longName };
}

/** From after the opening quote to after the closing one. */
export function skipString(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at++];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return end;
}

/** A number, a literal, or whatever stands in their place. */
export function skipScalar(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at];
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || isSpace(byte)) break;
    at++;
  }
  return at;
}
