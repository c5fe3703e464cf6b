import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isRfc3339 } from "./rfc3339.ts";

test("what a clock prints is a time, in any precision and zone", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }), (date) => {
      expect(isRfc3339(date.toISOString())).toBe(true);
    }),
  );
});

test.each(["2026-11-23T05:55:34Z", "2026-11-23t05:55:34.123456789+05:30", "2024-02-29T23:59:60Z"])(
  "%j is an RFC 3339 time",
  (time) => {
    expect(isRfc3339(time)).toBe(true);
  },
);

test.each([
  "2026-11-23",
  "2026-11-23T05:55:34",
  "2026-11-23 05:55:34Z",
  "2026-02-29T00:00:00Z",
  "2100-02-29T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-11-23T24:00:00Z",
  "2026-11-23T05:60:00Z",
  "2026-11-23T05:55:34.Z",
  "2026-11-23T05:55:34+0530",
  "2026-11-23T05:55:34Z\n",
  `2026-11-23T05:55:34.${"1".repeat(100)}Z`,
  "",
])("%j is not an RFC 3339 time", (time) => {
  expect(isRfc3339(time)).toBe(false);
});
