import { expect, test } from "vitest";
import { isSampled, sampleHash } from "./sampling.ts";

test("the hash is what the documentation says, so that clients can compute it too", () => {
  expect(["", "a", "user-42", "ünïcode-✓"].map((key) => sampleHash(key))).toEqual([
    2_872_998_923, 444_641_715, 2_083_131_798, 2_705_213_488,
  ]);
});

test("of keys that differ in little about the share is kept that was asked for", () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
  for (const rate of [0.01, 0.1, 0.5, 0.9]) {
    const kept = keys.filter((key) => isSampled(key, rate)).length;
    // Four standard deviations of a fair draw.
    expect(Math.abs(kept - rate * keys.length)).toBeLessThan(4 * Math.sqrt(keys.length * rate * (1 - rate)));
  }
});

test("a key that is kept at a rate is kept at every higher one; at 0 none is, at 1 all are", () => {
  for (let index = 0; index < 1_000; index++) {
    const key = String(index);
    if (isSampled(key, 0.1)) expect(isSampled(key, 0.2)).toBe(true);
    expect([isSampled(key, 0), isSampled(key, 1)]).toEqual([false, true]);
  }
});
