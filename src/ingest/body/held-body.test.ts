import { expect, test } from "vitest";
import { HeldBody } from "./held-body.ts";
import { PendingBytes } from "./pending-bytes.ts";

test("what a request holds grows within the budget, and is released as a whole", () => {
  const pending = new PendingBytes(100);
  expect(pending.reserve(30)).toBe(true);
  const held = new HeldBody(Buffer.alloc(30), pending);
  const others = [held.growTo(10), held.growTo(80), held.growTo(80)];
  expect([others, pending.held]).toEqual([[undefined, undefined, undefined], 80]);
  expect(pending.reserve(10)).toBe(true);
  expect([held.growTo(95)?.code, held.growTo(101)?.code, pending.held]).toEqual(["overloaded", "body_too_large", 90]);
  held.release();
  expect(pending.held).toBe(10);
});
