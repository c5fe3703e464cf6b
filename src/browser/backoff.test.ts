import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

test("waits are drawn from all of a range that doubles up to a minute", () => {
  expect([1, 2, 3, 7, 50].map((failures) => backoffMs(failures, 0.5))).toEqual([500, 1_000, 2_000, 30_000, 30_000]);
  expect(backoffMs(5, 0)).toBe(0);
});
