import { expect, test } from "vitest";
import { isSampled } from "./sampling.ts";

const KEYS = Array.from({ length: 20_000 }, (_, index) => `visitor-${index}`);

test("about the share of keys is in, the same ones each time, and at a higher rate too", () => {
  const tenth = KEYS.filter((key) => isSampled({ rate: 0.1, key }));
  expect(tenth.length / KEYS.length).toBeCloseTo(0.1, 1);
  expect(tenth.every((key) => isSampled({ rate: 0.1, key }) && isSampled({ rate: 0.3, key }))).toBe(true);
});

test("a rate of 1 takes all, a rate of 0 none", () => {
  expect(KEYS.filter((key) => !isSampled({ rate: 1, key }) || isSampled({ rate: 0, key }))).toEqual([]);
});
