import { expect, test } from "vitest";
import { STANDING, sinkStateOf } from "./standing.ts";

test("what the journal lost is told apart from what a rule dropped: only one of them is to be sent again", () => {
  expect(sinkStateOf(STANDING.lost)).toBe("lost");
  expect([STANDING.filtered, STANDING.filterError].map(sinkStateOf)).toEqual(["dropped", "dropped"]);
});
