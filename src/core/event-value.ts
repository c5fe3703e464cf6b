import type { CollectedEvent } from "./event.ts";

/** A JSON Pointer (RFC 6901) other than the empty one. */
export const JSON_POINTER = /^(\/([^~/]|~[01])*)+$/;

/** The steps of a JSON Pointer, unescaped. */
export function pointerSteps(pointer: string): readonly string[] {
  return pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/**
 * The value at a pointer as text: a string as it is, a number or boolean as JSON writes it.
 * `undefined` for what names no group: nothing, null, the empty string, an object, an array.
 */
export function textAt(event: CollectedEvent, steps: readonly string[]): string | undefined {
  let value: unknown = JSON.parse(event.bytes.toString());
  for (const step of steps) {
    if (!isContainer(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
