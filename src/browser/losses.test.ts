import { expect, test } from "vitest";
import { Losses, lossQuery } from "./losses.ts";

test("losses are told with one batch, and again when that was not taken", () => {
  const losses = new Losses();
  losses.count("queue_full", 2);
  losses.count("queue_full");
  losses.count("expired", 2);
  const told = losses.take();
  expect(lossQuery(told)).toBe("&dropped=queue_full:3,expired:2");
  expect(lossQuery(losses.take())).toBe("");
  losses.count("expired");
  losses.giveBack(told);
  expect(lossQuery(losses.take())).toBe("&dropped=expired:3,queue_full:3");
});
