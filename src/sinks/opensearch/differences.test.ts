import { expect, test } from "vitest";
import { differences } from "./differences.ts";

test("defaults and additions of others, and other ways to write a value, are no differences", () => {
  const wanted = { a: { size: "1536mb", count: 2, on: true, list: [{ x: "1" }] }, empty: {} };
  const current = { a: { size: "1.5gb", count: "2", on: "true", list: [{ x: "1", y: 2 }], more: 1 }, other: [] };
  expect(differences(current, wanted)).toEqual([]);
});

test("what is missing or other is a line with its path", () => {
  const wanted = { a: { b: "1gb", c: [1] }, d: { e: 1 }, f: ["x"] };
  expect(differences({ a: { b: "2gb", c: [2] }, f: ["x", "y"] }, wanted)).toEqual([
    'a.b: "2gb" → "1gb"',
    "a.c[0]: 2 → 1",
    'd: nothing → {"e":1}',
    'f: ["x","y"] → ["x"]',
  ]);
});
