import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RecentIds } from "./recent-ids.ts";

test("it knows exactly the last ids that were stored within the window, and no more than it may", () => {
  const step = fc.record({
    id: fc.integer({ min: 0, max: 12 }).map(String),
    waitMs: fc.integer({ min: 0, max: 40 }),
    again: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 8 }), (steps, maxIds) => {
      const limits = { windowMs: 100, maxIds };
      const recent = new RecentIds(limits);
      // All that was stored, the latest of each id, in order.
      let model: { id: string; atMs: number }[] = [];
      let nowMs = 0;
      for (const { id, waitMs, again } of steps) {
        nowMs += waitMs;
        const known = model.filter(({ atMs }) => nowMs - atMs < limits.windowMs).slice(-maxIds);
        const isKnown = known.some((entry) => entry.id === id);
        expect(recent.find(id, nowMs) !== undefined).toBe(isKnown);
        if (isKnown && !again) continue;
        recent.stored(id, { atMs: nowMs, synced: false });
        model = [...model.filter((entry) => entry.id !== id), { id, atMs: nowMs }];
        expect(recent.size).toBeLessThanOrEqual(maxIds);
      }
    }),
  );
});

test("under smaller limits the newest ids stay known", () => {
  const earlier = new RecentIds({ windowMs: 1_000, maxIds: 10 });
  for (let id = 0; id < 10; id++) earlier.stored(String(id), { atMs: id, synced: false });
  const later = new RecentIds({ windowMs: 1_000, maxIds: 3 }, earlier);
  expect(["6", "7", "9"].map((id) => later.find(id, 10) !== undefined)).toEqual([false, true, true]);
});
