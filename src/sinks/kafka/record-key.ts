import { hash } from "node:crypto";
import type { CollectedEvent } from "../../core/event.ts";
import { pointerSteps, textAt } from "../../core/event-value.ts";

/** Longest key in bytes; a longer value is hashed. Kafka sets no limit, but every byte of it counts towards the record's. */
export const MAX_KEY_BYTES = 255;

/** What becomes the key: the event's id, nothing, or the value at a JSON Pointer. */
export type KeyChoice =
  | { readonly kind: "id" }
  | { readonly kind: "none" }
  | { readonly kind: "pointer"; readonly path: readonly string[] };

/** Reads `key` of the configuration, which was checked there. */
export function keyChoice(key: string): KeyChoice {
  if (key === "id" || key === "none") return { kind: key };
  return { kind: "pointer", path: pointerSteps(key) };
}

/** The key of an event's record, 1 to 255 bytes; `undefined` for none. */
export function recordKey(event: CollectedEvent, choice: KeyChoice): Buffer | undefined {
  switch (choice.kind) {
    case "id":
      return Buffer.from(event.id);
    case "none":
      return undefined;
    case "pointer":
      return valueAt(event, choice.path);
  }
}

/** The value at the pointer, and a SHA-256 in hex of what is too long. */
function valueAt(event: CollectedEvent, path: readonly string[]): Buffer | undefined {
  const value = textAt(event, path);
  if (value === undefined) return undefined;
  const key = Buffer.from(value);
  return key.length > MAX_KEY_BYTES ? Buffer.from(hash("sha256", key)) : key;
}
