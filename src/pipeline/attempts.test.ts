import { expect, test } from "vitest";
import { Attempts } from "./attempts.ts";

const limits = { minDelayMs: 100, maxDelayMs: 1_000, maxAgeMs: 0 };

test("the delay of an event grows with its own failures", () => {
  const attempts = new Attempts(limits);
  const delays = [0, 1, 2, 3, 4].map(() => attempts.failed(7, 0, 0, 1, undefined));
  expect(delays).toEqual([100, 200, 400, 800, 1_000]);
  expect(attempts.failed(8, 0, 0, 1, undefined)).toBe(100);
});

test("an event that is settled starts afresh and takes no memory", () => {
  const attempts = new Attempts(limits);
  attempts.failed(7, 0, 0, 1, undefined);
  attempts.forget(7);
  expect(attempts.size).toBe(0);
});

test("an event is tried once more at maxAgeMs after its first attempt, then given up", () => {
  const attempts = new Attempts({ ...limits, maxAgeMs: 250 });
  expect(attempts.failed(7, 1_000, 1_010, 1, undefined)).toBe(100);
  expect(attempts.failed(7, 1_110, 1_120, 1, undefined)).toBe(130);
  expect(attempts.failed(7, 1_250, 1_255, 1, undefined)).toBeUndefined();
});
