const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;

/** Where a value is: from its first byte to one past its last. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The values of an object's own members, by name; of equal names the last counts, as for `JSON.parse`.
 * `undefined` when the value is no object. The bytes are JSON, which the collector has checked: they are not
 * parsed, so that numbers keep their digits.
 */
export function membersOf(json: Buffer, { start, end }: Range): Map<string, Range> | undefined {
  if (json[start] !== OPEN_OBJECT) return undefined;
  const members = new Map<string, Range>();
  let at = skipSpace(json, start + 1);
  while (at < end && json[at] === QUOTE) {
    const keyEnd = endOfString(json, at);
    const name = nameOf(json, at, keyEnd);
    at = skipSpace(json, keyEnd);
    if (json[at] !== COLON) return members;
    const valueStart = skipSpace(json, at + 1);
    const valueEnd = endOfValue(json, valueStart, end);
    members.set(name, { start: valueStart, end: valueEnd });
    at = skipSpace(json, valueEnd);
    if (json[at] !== COMMA) return members;
    at = skipSpace(json, at + 1);
  }
  return members;
}

/** The value that a JSON Pointer leads to from another one. */
export function valueAt(json: Buffer, from: Range, steps: readonly string[]): Range | undefined {
  let range: Range | undefined = from;
  for (const step of steps) {
    if (range === undefined) return undefined;
    range = json[range.start] === OPEN_ARRAY ? elementAt(json, range, step) : membersOf(json, range)?.get(step);
  }
  return range;
}

function elementAt(json: Buffer, { start, end }: Range, step: string): Range | undefined {
  if (!/^(0|[1-9]\d{0,8})$/.test(step)) return undefined;
  let at = skipSpace(json, start + 1);
  for (let left = Number(step); at < end && json[at] !== CLOSE_ARRAY; left--) {
    const valueEnd = endOfValue(json, at, end);
    if (left === 0) return { start: at, end: valueEnd };
    at = skipSpace(json, valueEnd);
    if (json[at] !== COMMA) return undefined;
    at = skipSpace(json, at + 1);
  }
  return undefined;
}

function nameOf(json: Buffer, start: number, end: number): string {
  const text = json.toString("utf8", start, end);
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1);
}

function endOfValue(json: Buffer, start: number, end: number): number {
  const first = json[start];
  if (first === QUOTE) return endOfString(json, start);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return endOfScalar(json, start, end);
  let depth = 0;
  for (let at = start; at < end; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at) - 1;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --depth === 0) return at + 1;
  }
  return end;
}

function endOfScalar(json: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = json[at] ?? SPACE;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte <= SPACE) return at;
  }
  return end;
}

/** One past the closing quote of the string that begins at `start`. */
function endOfString(json: Buffer, start: number): number {
  let from = start + 1;
  for (;;) {
    const quote = json.indexOf(QUOTE, from);
    if (quote < 0) return json.length;
    let slashes = 0;
    while (json[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

function skipSpace(json: Buffer, start: number): number {
  let at = start;
  while ((json[at] ?? COMMA) <= SPACE) at++;
  return at;
}
