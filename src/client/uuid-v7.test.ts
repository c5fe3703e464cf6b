import { expect, test } from "vitest";
import { validate, version } from "uuid";
import { uuidV7 } from "./uuid-v7.ts";

test("ids are UUIDs of version 7 that differ and sort as they were made, whatever the clock does", () => {
  const clock = [5_000, 5_000, 4_000, 5_001, 9_000, 1];
  const ids = Array.from({ length: 20_000 }, (_, index) => uuidV7(clock[index % clock.length]));
  expect(ids.filter((id) => !validate(id) || version(id) !== 7)).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(ids.toSorted());
});

test("an id begins with the time it was made", () => {
  const nowMs = Date.now() + 3_600_000;
  expect(Number.parseInt(uuidV7(nowMs).replace("-", "").slice(0, 12), 16)).toBe(nowMs);
});
