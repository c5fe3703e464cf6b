import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { USUAL_FAULTS } from "./faults/all-faults.ts";
import { drawPlan, type Plan } from "./plan.ts";

const MINUTE_MS = 60_000;

function plan(seed: number, minutes = 10, faults: readonly Fault[] = USUAL_FAULTS): Plan {
  return drawPlan({ seed, lengthMs: minutes * MINUTE_MS, faults });
}

test("the same seed makes the same storm, another seed another", () => {
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1).faults).not.toEqual(plan(2).faults);
});

test("a storm of ten minutes has every fault, and none before the calm is over or after its end", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { faults, calmMs, endMs } = plan(seed);
    expect(new Set(faults.map(({ name }) => name))).toEqual(new Set(USUAL_FAULTS.map(({ name }) => name)));
    expect(Math.min(...faults.map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(calmMs);
    expect(Math.max(...faults.map(({ atMs, lengthMs }) => atMs + lengthMs))).toBeLessThanOrEqual(endMs);
  }
});

test("faults come by time, and no two share a lane at a time", () => {
  const lanesOf = new Map(USUAL_FAULTS.map(({ name, lanes }) => [name, lanes]));
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0.1, max: 30, noNaN: true }), (seed, minutes) => {
      const { faults } = plan(seed, minutes);
      expect(faults.map(({ atMs }) => atMs)).toEqual(faults.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
      for (const lane of ["process", "sink", "disk", "clock", "clients"] as const) {
        const own = faults.filter(({ name }) => lanesOf.get(name)?.includes(lane));
        const tooLong = own.filter(({ atMs, lengthMs }, index) => atMs + lengthMs > (own[index + 1]?.atMs ?? Infinity));
        expect(tooLong).toEqual([]);
      }
    }),
    { numRuns: 50 },
  );
});

test("faults of different lanes overlap", () => {
  const { faults } = plan(1);
  const overlapping = faults.filter((fault, index) =>
    faults.some((other, at) => at > index && other.atMs < fault.atMs + fault.lengthMs),
  );
  expect(overlapping.length).toBeGreaterThan(faults.length / 2);
});

test("a storm of named faults has no others", () => {
  const faults = USUAL_FAULTS.filter(({ name }) => name === "kill-worker" || name === "sink-down");
  expect(new Set(plan(1, 2, faults).faults.map(({ name }) => name))).toEqual(new Set(["kill-worker", "sink-down"]));
});
