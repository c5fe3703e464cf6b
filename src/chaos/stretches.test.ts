import { expect, test } from "vitest";
import { Stretches } from "./stretches.ts";

test("moments that are close together are one stretch of time", () => {
  const stretches = new Stretches(10);
  for (const atMs of [5, 15, 20, 31, 100]) stretches.add(atMs);
  expect(stretches.all).toEqual([
    { fromMs: 5, toMs: 20 },
    { fromMs: 31, toMs: 31 },
    { fromMs: 100, toMs: 100 },
  ]);
});
