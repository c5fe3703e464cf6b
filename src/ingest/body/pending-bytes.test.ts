import { expect, test } from "vitest";
import { PendingBytes } from "./pending-bytes.ts";

test("no more than the budget is ever reserved", () => {
  const pending = new PendingBytes(10);
  expect(pending.reserve(6)).toBe(true);
  expect(pending.reserve(5)).toBe(false);
  expect(pending.held).toBe(6);
  expect(pending.reserve(4)).toBe(true);
  pending.release(10);
  expect(pending.held).toBe(0);
});

test("more cannot be released than was reserved", () => {
  const pending = new PendingBytes(10);
  pending.reserve(1);
  expect(() => pending.release(2)).toThrow("only what was reserved");
});
