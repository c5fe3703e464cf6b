import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isRfc3339 } from "../rfc3339.ts";
import { readTime } from "./read-time.ts";

test.each([
  ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"],
  ["2026-01-31T13:00:00.123456789+01:00", "2026-01-31T13:00:00.123456789+01:00"],
  ["0", "1970-01-01T00:00:00Z"],
  ["1769860800", "2026-01-31T12:00:00Z"],
  ["1769860800.000681", "2026-01-31T12:00:00.000681Z"],
  ["1769860800.5", "2026-01-31T12:00:00.500Z"],
  ["1769860800123", "2026-01-31T12:00:00.123Z"],
  ["1769860800123.25", "2026-01-31T12:00:00.12325Z"],
  ["1769860800123456", "2026-01-31T12:00:00.123456Z"],
  ["1769860800123456789", "2026-01-31T12:00:00.123456789Z"],
  ["1.7698608e9", "2026-01-31T12:00:00Z"],
])("%s reads as %s", (text, time) => {
  expect(readTime(text)).toBe(time);
});

test.each([
  "",
  "yesterday",
  "2026-01-31",
  "2026-01-31 12:00:00",
  "-1",
  "1e99",
  "NaN",
  "0x10",
  "1".repeat(30),
  "1769860800.",
])("%j reads as no time", (text) => {
  expect(readTime(text)).toBeUndefined();
});

test("whatever reads as a time is RFC 3339, and milliseconds come out as they went in", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.maxSafeNat().map(String)), (text) => {
      const time = readTime(text);
      expect(time === undefined || isRfc3339(time)).toBe(true);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1e11, max: 1e14 - 1 }), (ms) => {
      expect(Date.parse(readTime(String(ms)) ?? "")).toBe(ms);
    }),
  );
});
