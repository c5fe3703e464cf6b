import { pointerSteps } from "../../core/event-value.ts";
import type { TypedColumn } from "./config.ts";
import { readTime } from "./event-time.ts";
import { findElement, MemberScanner } from "./json-scan.ts";
import { readJsonText } from "./json-text.ts";

export type TypedValue = string | bigint | number | boolean | undefined;

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
/** Digits and a sign: all an INT64 can have. */
const MAX_INT64_LENGTH = 20;
const MAX_NUMBER_LENGTH = 400;
const OPEN_ARRAY = 0x5b;

/** A column's values are read from the events' bytes: so an integer keeps digits that a number of JavaScript has not. */
export class TypedReader {
  readonly #type: TypedColumn["type"];
  readonly #steps: readonly string[];

  constructor({ from, type }: TypedColumn) {
    this.#type = type;
    this.#steps = pointerSteps(from);
  }

  /** The value in this event; `undefined` if there is none, or none of the column's type. */
  read(event: Buffer): TypedValue {
    const range = findValue(event, this.#steps);
    return range && typedValue(event, range.start, range.end, this.#type);
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const scanner = new MemberScanner();

function findValue(event: Buffer, steps: readonly string[]): Range | undefined {
  let range: Range = { start: 0, end: event.length };
  for (const step of steps) {
    const next = stepInto(event, range, step);
    if (next === undefined) return undefined;
    range = next;
  }
  return range;
}

function stepInto(event: Buffer, { start, end }: Range, step: string): Range | undefined {
  if (event[start] === OPEN_ARRAY)
    return /^(0|[1-9]\d{0,8})$/.test(step) ? findElement(event, start, end, Number(step)) : undefined;
  let found: Range | undefined;
  scanner.start(event, start, end);
  while (scanner.next()) {
    // Of members with the same name the last counts, as for JSON.parse.
    if (readJsonText(event, scanner.keyStart, scanner.keyEnd)?.text === step)
      found = { start: scanner.valueStart, end: scanner.valueEnd };
  }
  return found;
}

function typedValue(event: Buffer, start: number, end: number, type: TypedColumn["type"]): TypedValue {
  switch (type) {
    case "string":
      return readJsonText(event, start, end)?.text;
    case "timestamp": {
      const text = readJsonText(event, start, end)?.text;
      return text === undefined ? undefined : readTime(text)?.micros;
    }
    case "boolean": {
      const text = event.toString("latin1", start, Math.min(end, start + 6));
      return text === "true" ? true : text === "false" ? false : undefined;
    }
    case "int64":
      return end - start > MAX_INT64_LENGTH ? undefined : int64(event.toString("latin1", start, end));
    case "double":
      return end - start > MAX_NUMBER_LENGTH ? undefined : double(event.toString("latin1", start, end));
  }
}

function int64(text: string): bigint | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= MIN_INT64 && value <= MAX_INT64 ? value : undefined;
}

function double(text: string): number | undefined {
  if (!/^-?\d/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
