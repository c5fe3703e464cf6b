import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { pack, type PackingRules } from "./packing.ts";

/** Events of the given sizes; an event's position decides its group. */
function eventsOf(sizes: readonly number[]): CollectedEvent[] {
  const bytes = Buffer.alloc(Math.max(1, ...sizes));
  return sizes.map((size, position) => ({
    position,
    id: `id-${position}`,
    type: "t",
    source: "s",
    receivedMs: 0,
    bytes: bytes.subarray(0, size),
  }));
}

function rulesOf(groups: number, targetBytes: number): PackingRules {
  return {
    groups,
    targetBytes,
    groupOf: (event) => event.position % groups,
    keyOf: (group) => String(group),
    eventBytes: (event) => event.bytes.length,
    overheadBytes: () => 10,
  };
}

test("records are filled up to the target, overhead included", () => {
  const { records } = pack(eventsOf([40, 40, 20, 90, 100, 5]), rulesOf(1, 100));
  expect(records.map(({ events }) => events.map((event) => event.bytes.length))).toEqual([
    [40, 40],
    [20],
    [90],
    [100],
    [5],
  ]);
});

test("every event is in the one record told, with its group only, in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(200)),
      fc.integer({ min: 1, max: 256 }),
      fc.integer({ min: 1, max: 500 }),
      (sizes, groups, target) => {
        const batch = eventsOf(sizes);
        const { records, recordOf } = pack(batch, rulesOf(groups, target));
        const packed = new Map<CollectedEvent, number>();
        for (const [index, { key, events }] of records.entries()) {
          expect(events.every((event) => String(event.position % groups) === key)).toBe(true);
          expect(events.map((event) => event.position)).toEqual(
            events.map((event) => event.position).toSorted((a, b) => a - b),
          );
          for (const event of events) packed.set(event, index);
        }
        expect(batch.map((event) => packed.get(event))).toEqual([...recordOf]);
      },
    ),
  );
});

test("no batch, however awkward, makes more than 500 records", () => {
  const awkward = fc.tuple(
    fc.array(fc.constantFrom(1, 5_000, 12_801, 25_599, 25_600, 100_000), { minLength: 500, maxLength: 3_000 }),
    fc.constantFrom(1, 2, 64, 255, 256),
    fc.constantFrom(11, 1_024, 25_600),
  );
  fc.assert(
    fc.property(awkward, ([sizes, groups, target]) => {
      expect(pack(eventsOf(sizes), rulesOf(groups, target)).records.length).toBeLessThanOrEqual(500);
    }),
    { numRuns: 50 },
  );
  const alternating = eventsOf(Array.from({ length: 2_000 }, (_, index) => (index % 2 === 0 ? 1 : 25_600)));
  expect(pack(alternating, rulesOf(1, 25_600)).records.length).toBeLessThanOrEqual(500);
});
