import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const limits = { minDelayMs: 100, maxDelayMs: 30_000 };

test("the longest delay doubles with each retry up to maxDelayMs", () => {
  const longest = [0, 1, 2, 8, 9, 2_000].map((retries) => backoffMs(limits, retries, 1));
  expect(longest).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
});

test("a delay is never so short that retrying becomes a busy loop", () => {
  expect(backoffMs(limits, 3, 0)).toBe(5);
  expect(backoffMs({ minDelayMs: 1, maxDelayMs: 1 }, 3, 0)).toBe(1);
});

test("the delay is at least what the destination asked for, within an hour", () => {
  expect(backoffMs(limits, 0, 0.5, 60_000)).toBe(60_000);
  expect(backoffMs(limits, 9, 1, 60_000)).toBe(60_000);
  expect(backoffMs(limits, 0, 0.5, Number.MAX_VALUE)).toBe(3_600_000);
});

test("a delay is finite and within its limits, whatever the jitter", () => {
  const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(5_000), jitter, (retries, random) => {
      const delayMs = backoffMs(limits, retries, random);
      expect(delayMs).toBeGreaterThanOrEqual(5);
      expect(delayMs).toBeLessThanOrEqual(Math.min(30_000, 100 * 2 ** retries));
    }),
  );
});
