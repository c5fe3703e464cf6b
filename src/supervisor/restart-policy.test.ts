import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RestartPolicy } from "./restart-policy.ts";

const limits = { maxRestarts: 5, withinMs: 60_000 };

/** Dies again and again without ever having worked. */
function deaths(policy: RestartPolicy, count: number): number[] {
  let nowMs = 0;
  return Array.from({ length: count }, () => {
    const delayMs = policy.died(nowMs, 0);
    nowMs += delayMs + 10;
    return delayMs;
  });
}

test("the first replacement comes at once, the next after delays that double, with jitter of a half", () => {
  const patient = { maxRestarts: 100, withinMs: 600_000 };
  const doubled = [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
  expect(deaths(new RestartPolicy(patient, () => 0), 12)).toEqual(doubled.map((ms) => ms / 2));
  expect(deaths(new RestartPolicy(patient, () => 1), 12)).toEqual(doubled);
});

test("more than maxRestarts within withinMs exceed the intensity, and only the longest delay is left", () => {
  const policy = new RestartPolicy(limits, () => 1);
  deaths(policy, 5);
  expect(policy.isExceeded).toBe(false);
  expect(policy.died(5_000, 0)).toBe(30_000);
  expect(policy.isExceeded).toBe(true);
  // However late the next death comes, it has not worked since.
  expect(policy.died(1_000_000, 59_999)).toBe(30_000);
  expect(policy.isExceeded).toBe(true);
});

test("deaths that are further apart than withinMs do not exceed the intensity", () => {
  const policy = new RestartPolicy(limits, () => 1);
  for (let death = 0; death < 100; death++) policy.died(death * 12_000, 0);
  expect(policy.isExceeded).toBe(false);
  policy.died(99 * 12_000 + 1, 0);
  expect(policy.isExceeded).toBe(true);
});

test("a worker that worked for withinMs is sound again", () => {
  const policy = new RestartPolicy(limits, () => 1);
  deaths(policy, 10);
  expect(policy.died(100_000, 60_000)).toBe(0);
  expect(policy.isExceeded).toBe(false);
  expect(policy.died(100_001, 59_999)).toBe(100);
});

test("orderly ends never exceed the intensity, and do not become a busy loop", () => {
  const policy = new RestartPolicy(limits, () => 0);
  const delays = Array.from({ length: 20 }, () => policy.endedInOrder(0, 10));
  expect(delays.slice(0, 3)).toEqual([0, 50, 100]);
  expect(delays.at(-1)).toBe(15_000);
  expect(policy.isExceeded).toBe(false);
});

test("a worker that does good work between its deaths is back within a second, for as long as it goes on", () => {
  const policy = new RestartPolicy(limits, () => 1);
  const delays = Array.from({ length: 100 }, (_, death) => policy.died(death * 30_000, 29_900));
  expect(delays.slice(0, 3)).toEqual([0, 100, 100]);
  expect(delays.at(-1)).toBe(100);
  expect(policy.isExceeded).toBe(false);
});

test("no worker waits longer than a second before its intensity is exceeded", () => {
  const deathsMs = fc.array(fc.nat(30_000), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(deathsMs, (afterMs) => {
      const policy = new RestartPolicy(limits, () => 1);
      let nowMs = 0;
      for (const ms of afterMs) {
        const delayMs = policy.died((nowMs += ms), Math.min(ms, 10_000));
        expect(policy.isExceeded || delayMs <= 800).toBe(true);
        nowMs += delayMs;
      }
    }),
  );
});

test("a delay is within its limits, whatever happens", () => {
  const steps = fc.array(fc.record({ inMs: fc.nat(100_000), workedMs: fc.nat(100_000), inOrder: fc.boolean() }), {
    minLength: 1,
    maxLength: 200,
  });
  const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(steps, jitter, (ends, random) => {
      const policy = new RestartPolicy(limits, () => random);
      let nowMs = 0;
      for (const { inMs, workedMs, inOrder } of ends) {
        nowMs += inMs;
        const delayMs = inOrder ? policy.endedInOrder(nowMs, workedMs) : policy.died(nowMs, workedMs);
        expect(delayMs === 0 || (delayMs >= 50 && delayMs < 30_000)).toBe(true);
        expect(!policy.isExceeded || delayMs >= 15_000).toBe(true);
        expect(workedMs < limits.withinMs || delayMs === 0).toBe(true);
      }
    }),
  );
});
