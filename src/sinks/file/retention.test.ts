import { expect, test } from "vitest";
import { endOfHourMs, folderOf } from "../../formats/hour-folders.ts";
import { Retention } from "./retention.ts";

const HOUR_MS = 3_600_000;

function file(hour: number, bytes = 10) {
  return { path: `/events/${folderOf(hour)}/f`, hour, bytes };
}

test("a file goes once its hour has been over for maxAgeMs, and not before", () => {
  const retention = new Retention({ maxAgeMs: 2 * HOUR_MS, maxBytes: 0 });
  retention.add(file(101));
  retention.add(file(100));
  expect(retention.takeDue(endOfHourMs(100) + 2 * HOUR_MS - 1)).toEqual([]);
  expect(retention.takeDue(endOfHourMs(100) + 2 * HOUR_MS)).toEqual([{ file: file(100), reason: "age" }]);
  expect(retention.takeDue(endOfHourMs(101) + 2 * HOUR_MS)).toEqual([{ file: file(101), reason: "age" }]);
});

test("the oldest files go until the others fit in maxBytes", () => {
  const retention = new Retention({ maxAgeMs: 0, maxBytes: 25 });
  for (const hour of [102, 100, 101, 103]) retention.add(file(hour));
  expect(retention.takeDue(0)).toEqual([
    { file: file(100), reason: "bytes" },
    { file: file(101), reason: "bytes" },
  ]);
  expect(retention.takeDue(0)).toEqual([]);
});

test("without limits nothing ever goes", () => {
  const retention = new Retention({ maxAgeMs: 0, maxBytes: 0 });
  retention.add(file(0, 1e12));
  expect(retention.isLimited).toBe(false);
  expect(retention.takeDue(Number.MAX_SAFE_INTEGER)).toEqual([]);
});
