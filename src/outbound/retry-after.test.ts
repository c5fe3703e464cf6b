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
  expect(retryAfterMs({ "retry-after": text }, NOW_MS)).toBe(expected);
});

test("a reply without it, or with several, asks for none", () => {
  expect(retryAfterMs({}, NOW_MS)).toBeUndefined();
  expect(retryAfterMs({ "retry-after": ["1", "2"] }, NOW_MS)).toBeUndefined();
});
