import { expect, test } from "vitest";
import { Attempts } from "./attempts.ts";

const limits = { minDelayMs: 100, maxDelayMs: 1_000, maxAgeMs: 0 };

function eventAt(position: number) {
  return { position, receivedMs: 0 };
}

test("the delay of an event grows with its own failures", () => {
  const attempts = new Attempts(limits, () => 0);
  const delays = [0, 1, 2, 3, 4].map(() => attempts.failed(eventAt(7), 1, undefined));
  expect(delays).toEqual([100, 200, 400, 800, 1_000]);
  expect(attempts.failed(eventAt(8), 1, undefined)).toBe(100);
});

test("an event that is settled starts afresh and takes no memory, and so do all once a dead sink is back", () => {
  const attempts = new Attempts(limits, () => 0);
  attempts.failed(eventAt(7), 1, undefined);
  attempts.forget(7);
  expect(attempts.size).toBe(0);
  attempts.failed(eventAt(7), 1, undefined);
  attempts.forgetAll();
  expect(attempts.failed(eventAt(7), 1, undefined)).toBe(100);
});

test("an event is tried once more at maxAgeMs after its receipt, then given up", () => {
  let ageMs = 10;
  const attempts = new Attempts({ ...limits, maxAgeMs: 250 }, () => ageMs);
  expect(attempts.failed(eventAt(7), 1, undefined)).toBe(100);
  ageMs = 120;
  expect(attempts.failed(eventAt(7), 1, undefined)).toBe(130);
  ageMs = 250;
  expect(attempts.failed(eventAt(7), 1, undefined)).toBeUndefined();
});
