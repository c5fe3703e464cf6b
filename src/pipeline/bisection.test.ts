import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { Bisection } from "./bisection.ts";

function events(count: number): CollectedEvent[] {
  return Array.from({ length: count }, (_, position) => ({
    position,
    id: "",
    type: "",
    source: "",
    receivedMs: 0,
    bytes: Buffer.alloc(0),
  }));
}

/** Sends parts to a sink that refuses those with a bad event. */
function search(count: number, bad: ReadonlySet<number>) {
  const bisection = new Bisection();
  bisection.split({ events: events(count), thrownAfter: undefined }, 0);
  const isolated: number[] = [];
  const delivered: number[] = [];
  let writes = 0;
  for (let part = bisection.next(0); part !== undefined; part = bisection.next(0)) {
    writes++;
    const positions = part.events.map(({ position }) => position);
    if (!positions.some((position) => bad.has(position))) delivered.push(...positions);
    else if (part.events.length === 1) isolated.push(...positions);
    else bisection.split(part, 0);
  }
  return { isolated, delivered, writes };
}

test("one bad event among 500 is isolated in at most 2 log n writes", () => {
  const { isolated, delivered, writes } = search(500, new Set([137]));
  expect(isolated).toEqual([137]);
  expect(delivered).toHaveLength(499);
  expect(writes).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(500)));
});

test("exactly the bad events are isolated and each other event is delivered once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 64 }), fc.uniqueArray(fc.nat(63)), (count, picks) => {
      const bad = new Set(picks.filter((pick) => pick < count));
      const { isolated, delivered } = search(count, bad);
      expect(new Set(isolated)).toEqual(bad);
      expect([...isolated, ...delivered].toSorted((a, b) => a - b)).toEqual(events(count).map((e) => e.position));
    }),
  );
});

test("a part that could not be sent waits on its own until it is due", () => {
  const bisection = new Bisection();
  const part = { events: events(3), thrownAfter: 7 };
  bisection.defer(part, 100);
  expect(bisection.next(99)).toBeUndefined();
  expect(bisection.nextDueMs).toBe(100);
  expect(bisection.next(100)).toMatchObject(part);
  expect(bisection.nextDueMs).toBe(Number.POSITIVE_INFINITY);
});
