import type { ReadEvent } from "../../expressions/read-event.ts";

/** A longer value is cut: it is for a message and a label. Values that differ further on are one group. */
const MAX_VALUE_CHARS = 200;

/** The value of events that have none. */
const NO_VALUE = "(none)";

/** The values of an event by which a rule groups. */
export type GroupReader = (read: ReadEvent) => string[];

/** @param groupBy `type`, `source` or JSON Pointers, as checked in the configuration */
export function groupReader(groupBy: readonly string[]): GroupReader {
  const readers = groupBy.map((by) => valueReader(by));
  return (read) => readers.map((value) => value(read));
}

function valueReader(by: string): (read: ReadEvent) => string {
  if (by === "type") return ({ event }) => event.type;
  if (by === "source") return ({ event }) => event.source;
  const steps = by
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return (read) => inWords(valueAt(read, steps));
}

function valueAt(read: ReadEvent, steps: readonly string[]): unknown {
  let value: unknown = read.parsed();
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function inWords(value: unknown): string {
  if (value === undefined || value === null) return NO_VALUE;
  const text = (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();
  return text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS - 1).toWellFormed()}…` : text;
}
