import { hash, randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import type { CollectedEvent } from "../../core/event.ts";
import { pointerSteps, textAt } from "../../core/event-value.ts";
import { MAX_KEY_UNITS } from "./service-limits.ts";

/**
 * Which value decides where an event goes: its id, nothing (`random`), or the value
 * at a JSON Pointer, so that events with equal values keep their order.
 */
export type KeyChoice =
  | { readonly kind: "id" }
  | { readonly kind: "random" }
  | { readonly kind: "pointer"; readonly path: readonly string[] };

/** Reads `partitionKey` of the configuration, which was checked there. */
export function keyChoice(partitionKey: string): KeyChoice {
  if (partitionKey === "id" || partitionKey === "random") return { kind: partitionKey };
  return { kind: "pointer", path: pointerSteps(partitionKey) };
}

/** The partition key of an event in a record of its own: 1 to 256 characters. */
export function partitionKeyOf(event: CollectedEvent, choice: KeyChoice): string {
  switch (choice.kind) {
    case "id":
      return event.id;
    case "random":
      return randomUUID();
    case "pointer":
      return valueAt(event, choice.path) ?? event.id;
  }
}

/** The group, 0 to `buckets - 1`, of an event that shares a record with others. Equal values, equal group, always. */
export function bucketOf(event: CollectedEvent, path: readonly string[], buckets: number): number {
  return crc32(valueAt(event, path) ?? event.id) % buckets;
}

/** The value at the pointer as a key, and a hash of what is too long for one; `undefined` for what cannot be a key. */
function valueAt(event: CollectedEvent, path: readonly string[]): string | undefined {
  const value = textAt(event, path);
  if (value === undefined) return undefined;
  return value.length > MAX_KEY_UNITS ? hash("sha256", value) : value.toWellFormed();
}
