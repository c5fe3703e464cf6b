import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { bucketOf, keyChoice, partitionKeyOf } from "./partition-key.ts";

function eventOf(json: unknown, id = "event-id"): CollectedEvent {
  return { position: 0, id, type: "t", source: "s", receivedMs: 0, bytes: Buffer.from(JSON.stringify(json)) };
}

function keyAt(pointer: string, json: unknown): string {
  return partitionKeyOf(eventOf(json), keyChoice(pointer));
}

test("`id` is the event's id, `random` differs every time", () => {
  expect(partitionKeyOf(eventOf({}), keyChoice("id"))).toBe("event-id");
  const random = keyChoice("random");
  expect(partitionKeyOf(eventOf({}), random)).not.toBe(partitionKeyOf(eventOf({}), random));
});

test.each([
  ["/data/userId", { data: { userId: "u1" } }, "u1"],
  ["/data/0", { data: ["first"] }, "first"],
  ["/a~1b/~0", { "a/b": { "~": "deep" } }, "deep"],
  ["/n", { n: 42 }, "42"],
  ["/b", { b: false }, "false"],
  ["/", { "": "empty name" }, "empty name"],
])("%s finds %j", (pointer, json, key) => {
  expect(keyAt(pointer, json)).toBe(key);
});

test.each([{}, { a: null }, { a: "" }, { a: {} }, { a: [] }, "text", null])(
  "%j has no key at /a: the id stands in",
  (json) => {
    expect(keyAt("/a", json)).toBe("event-id");
  },
);

test("a pointer does not reach what the event only inherits", () => {
  expect(keyAt("/constructor/name", {})).toBe("event-id");
  expect(keyAt("/a/length", { a: "text" })).toBe("event-id");
});

/** Any UTF-16 unit, so control characters and halves of pairs too. */
const anyUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

test("any value makes a key of 1 to 256 characters that UTF-8 can hold, and equal values equal keys", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: anyUnit }), fc.string({ minLength: 200, maxLength: 600 })), (value) => {
      const key = keyAt("/a", { a: value });
      expect(key.length).toBeGreaterThanOrEqual(1);
      expect(key.length).toBeLessThanOrEqual(256);
      expect(key.isWellFormed()).toBe(true);
      expect(keyAt("/a", { a: value })).toBe(key);
    }),
    { numRuns: 30 },
  );
});

test("equal values always share a bucket, and values spread over all buckets", () => {
  const buckets = Array.from({ length: 200 }, (_, user) => bucketOf(eventOf({ u: `user-${user}` }), ["u"], 8));
  expect(new Set(buckets)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  expect(bucketOf(eventOf({ u: "user-7", n: 1 }, "other"), ["u"], 8)).toBe(buckets[7]);
});
