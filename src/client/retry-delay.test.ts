import { expect, test } from "vitest";
import { retryAfterMs, retryDelayMs } from "./retry-delay.ts";

test("the delay doubles up to its limit, and is drawn from 0 up to it, never a busy loop", () => {
  const limits = { minRetryDelayMs: 100, maxRetryDelayMs: 1_000 };
  expect([0, 1, 2, 3, 4, 2_000].map((retries) => retryDelayMs(limits, retries, 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
  expect(retryDelayMs(limits, 2, 0.5)).toBe(200);
  expect(retryDelayMs(limits, 2, 0)).toBe(5);
});

test.each([
  [null, 0],
  ["7", 7_000],
  ["86400", 3_600_000],
  ["Thu, 01 Jan 1970 00:00:20 GMT", 10_000],
  ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
  ["soon", 0],
])("Retry-After %j asks for %d ms", (header, ms) => {
  expect(retryAfterMs(header, 10_000)).toBe(ms);
});
