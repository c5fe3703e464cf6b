import { expect, test } from "vitest";
import { EmptyingAttempts } from "./emptying-attempts.ts";

test("a slot that was not emptied is tried again after minutes, up to 16, for ever", () => {
  const attempts = new EmptyingAttempts();
  let nowMs = 1_000_000;
  expect(attempts.isDue("3", nowMs)).toBe(true);
  const delays = [];
  for (let tries = 0; tries < 7; tries++) {
    const delayMs = attempts.tried("3", nowMs);
    expect(attempts.isDue("3", nowMs + delayMs - 1)).toBe(false);
    nowMs += delayMs;
    expect(attempts.isDue("3", nowMs)).toBe(true);
    delays.push(delayMs / 60_000);
  }
  expect(delays).toEqual([1, 2, 4, 8, 16, 16, 16]);
  expect(attempts.isDue("4", 1_000_000)).toBe(true);
});

test("a slot whose segments are kept is emptied once", () => {
  const attempts = new EmptyingAttempts();
  attempts.done("3");
  expect(attempts.isDue("3", 1_000_000_000)).toBe(false);
});
