import { expect, test } from "vitest";
import { RunRecord } from "./run-record.ts";
import { newRun } from "./run-state.ts";

test("what is saved counts all that lies before its place, also what was skipped behind an event on its way", () => {
  const record = new RunRecord(newRun(""));
  record.feed(0, "u", 1);
  record.skip("other_type", "u", 2);
  record.delivered(0);
  record.move(1, []);
  record.skip("filtered", "u", 3);
  expect(record.state(false)).toMatchObject({
    cursor: { unit: "u", index: 3 },
    read: 3,
    delivered: 1,
    skipped: { other_type: 1, filtered: 1 },
  });
});
