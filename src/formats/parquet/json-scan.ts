import { skipScalar, skipSpace, skipString } from "../../core/json-scan.ts";

/**
 * Finds the members of JSON objects and the elements of arrays without building them: what is
 * copied stays the sender's bytes, and numbers keep all of their digits.
 *
 * For valid JSON every range is exact. For other bytes they are arbitrary, but within bounds.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Where the parts of one member are: its key with the quotes, and its value. */
export interface MemberRange {
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
}

/** The members of an object, one after another, without an object for each. */
export class MemberScanner implements MemberRange {
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #end = 0;
  #state: "first" | "later" | "complete" | "broken" = "broken";

  /** Begins with the object in this range. */
  start(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#at = skipSpace(bytes, start, end);
    this.#state = bytes[this.#at] === OPEN_OBJECT && this.#at < end ? "first" : "broken";
    this.#at++;
  }

  /** Whether all was an object, once `next` has returned false. */
  get isComplete(): boolean {
    return this.#state === "complete";
  }

  /** Steps to the next member; false if there is none. */
  next(): boolean {
    if (this.#state === "complete" || this.#state === "broken") return false;
    const bytes = this.#bytes;
    const end = this.#end;
    let at = skipSpace(bytes, this.#at, end);
    if (bytes[at] === CLOSE_OBJECT && at < end) return this.#stop(skipSpace(bytes, at + 1, end) === end);
    if (this.#state === "later") {
      if (bytes[at] !== COMMA) return this.#stop(false);
      at = skipSpace(bytes, at + 1, end);
    }
    if (bytes[at] !== QUOTE || at >= end) return this.#stop(false);
    this.keyStart = at;
    this.keyEnd = skipString(bytes, at + 1, end);
    at = skipSpace(bytes, this.keyEnd, end);
    if (bytes[at] !== COLON || at >= end) return this.#stop(false);
    this.valueStart = skipSpace(bytes, at + 1, end);
    this.valueEnd = skipValue(bytes, this.valueStart, end);
    if (this.valueEnd === this.valueStart) return this.#stop(false);
    this.#at = this.valueEnd;
    this.#state = "later";
    return true;
  }

  #stop(complete: boolean): false {
    this.#state = complete ? "complete" : "broken";
    return false;
  }
}

/** Where the element of this number is in the array that begins at `start`; `undefined` if there is none. */
export function findElement(
  bytes: Uint8Array,
  start: number,
  end: number,
  index: number,
): { start: number; end: number } | undefined {
  if (bytes[start] !== OPEN_ARRAY) return undefined;
  let at = skipSpace(bytes, start + 1, end);
  if (bytes[at] === CLOSE_ARRAY) return undefined;
  for (let element = 0; at < end; element++) {
    const elementEnd = skipValue(bytes, at, end);
    if (element === index) return { start: at, end: elementEnd };
    at = skipSpace(bytes, elementEnd, end);
    if (bytes[at] !== COMMA) return undefined;
    at = skipSpace(bytes, at + 1, end);
  }
  return undefined;
}

function skipValue(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start];
  if (first === QUOTE) return skipString(bytes, start + 1, end);
  return first === OPEN_OBJECT || first === OPEN_ARRAY
    ? skipContainer(bytes, start, end)
    : skipScalar(bytes, start, end);
}

const STRING = 1;
const OPEN = 2;
const CLOSE = 3;
/** What a byte between strings means for where a value ends. */
const SHAPES = new Uint8Array(256);
SHAPES[QUOTE] = STRING;
SHAPES[OPEN_OBJECT] = SHAPES[OPEN_ARRAY] = OPEN;
SHAPES[CLOSE_OBJECT] = SHAPES[CLOSE_ARRAY] = CLOSE;

function skipContainer(bytes: Uint8Array, start: number, end: number): number {
  let open = 0;
  let at = start;
  while (at < end) {
    const shape = SHAPES[bytes[at++] ?? 0];
    if (shape === 0) continue;
    if (shape === STRING) at = skipString(bytes, at, end);
    else if (shape === OPEN) open++;
    else if (--open === 0) return at;
  }
  return end;
}
