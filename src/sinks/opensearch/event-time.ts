const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;

const TIME = Buffer.from('"time"');
const TIMESTAMP = Buffer.from('"@timestamp"');

export interface EventTime {
  /** The value of `time`, as written; `undefined` when it is no string or not there. */
  readonly time: string | undefined;
  /** The event has a member `@timestamp` of its own. */
  readonly hasTimestamp: boolean;
}

const NEITHER: EventTime = { time: undefined, hasTimestamp: false };

/**
 * Finds `time` among an event's own members, without parsing the event: it may be before or after
 * a large `data`, in which there can be others of the name. The bytes are JSON, which the collector has checked.
 */
export function findEventTime(bytes: Buffer): EventTime {
  const mayHaveTimestamp = bytes.includes(TIMESTAMP);
  if (!mayHaveTimestamp && !bytes.includes(TIME)) return NEITHER;
  let time: string | undefined;
  let hasTimestamp = false;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
    else if (byte === QUOTE) {
      const end = stringEnd(bytes, at);
      if (depth === 1 && isKey(bytes, end)) {
        if (isAt(TIME, bytes, at, end)) {
          time = stringAfter(bytes, end);
          // It is there once, so that in nearly any event the rest need not be read.
          if (!mayHaveTimestamp) return { time, hasTimestamp };
        }
        if (mayHaveTimestamp && isAt(TIMESTAMP, bytes, at, end)) hasTimestamp = true;
      }
      at = end - 1;
    }
  }
  return { time, hasTimestamp };
}

/** One past the closing quote of the string that begins at `start`. */
function stringEnd(bytes: Buffer, start: number): number {
  for (let from = start + 1; ;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote === -1) return bytes.length;
    let slashes = 0;
    while (bytes[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

function isKey(bytes: Buffer, end: number): boolean {
  return bytes[skipBlanks(bytes, end)] === COLON;
}

function isAt(name: Buffer, bytes: Buffer, start: number, end: number): boolean {
  return end - start === name.length && bytes.compare(name, 0, name.length, start, end) === 0;
}

/** The string that is the value of the key that ends at `keyEnd`. */
function stringAfter(bytes: Buffer, keyEnd: number): string | undefined {
  const start = skipBlanks(bytes, skipBlanks(bytes, keyEnd) + 1);
  return bytes[start] === QUOTE ? bytes.toString("latin1", start + 1, stringEnd(bytes, start) - 1) : undefined;
}

function skipBlanks(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at++;
  return at;
}
