import assert from "node:assert/strict";

/** A number whose digits a double does not keep, such as 12345678901234567890 or 1.0. Printed as it was written. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** JSON as it is parsed here: numbers that a double would change are kept as they were written. */
export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;

export interface JsonObject {
  [name: string]: Json;
}

/** Of ES2026, and in Node since 21; the compiler does not know it yet. */
const rawJson: unknown = Reflect.get(JSON, "rawJSON");

/** Throws a `SyntaxError` for what is not JSON. Of equal names in an object the last counts. */
export function parseExact(text: string): Json {
  const revive = (_name: string, value: Json, context?: { readonly source?: string }): Json => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && String(value) !== source
      ? new ExactNumber(source)
      : value;
  };
  const parsed: Json = JSON.parse(text, revive);
  return parsed;
}

/** Without white space. Numbers are as they were when parsed; strings have the escapes that JSON asks for only. */
export function printExact(value: Json): string {
  return JSON.stringify(value, (_name, part: unknown) => (part instanceof ExactNumber ? exact(part.text) : part));
}

function exact(text: string): unknown {
  assert(typeof rawJson === "function", "this Node prints numbers as they were written");
  return Reflect.apply(rawJson, JSON, [text]);
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}
