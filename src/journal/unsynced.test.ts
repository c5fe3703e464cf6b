import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Unsynced } from "./unsynced.ts";

const limits = { maxMs: 1_000, maxBytes: 1_000 };

test("a sync is due at half of either limit, so that it is done before the limit is reached", () => {
  const unsynced = new Unsynced(limits);
  expect(unsynced.dueMs).toBeUndefined();
  unsynced.add(100, 70);
  unsynced.add(100, 300);
  expect(unsynced.dueMs).toBe(70 + 500);
  unsynced.add(300, 310);
  expect(unsynced.dueMs).toBeLessThanOrEqual(310);
});

test("what a failed sync was to cover stays unsynced until it is written again, and nothing is acknowledged unsynced meanwhile", () => {
  const unsynced = new Unsynced(limits);
  unsynced.add(10, 0);
  unsynced.beginSync();
  unsynced.add(5, 1);
  unsynced.endSync(false);
  unsynced.beginSync();
  unsynced.endSync(true);
  expect([unsynced.bytes, unsynced.ageMs(100), unsynced.isWithin(100)]).toEqual([15, 100, false]);
  unsynced.rescued();
  expect([unsynced.bytes, unsynced.ageMs(100), unsynced.isWithin(100)]).toEqual([0, 0, true]);
});

test("whatever is written and synced, what counts as unsynced is what no sync has covered, and its age that of the oldest of it", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write" as const), bytes: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ kind: fc.constant("begin" as const) }),
    fc.record({ kind: fc.constant("end" as const), succeeded: fc.boolean() }),
    fc.record({ kind: fc.constant("rescue" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const unsynced = new Unsynced(limits);
      let writes: { atMs: number; bytes: number; state: "fresh" | "syncing" | "stranded" }[] = [];
      let isSyncing = false;
      for (const [nowMs, { kind, ...rest }] of steps.entries()) {
        if (kind === "write" && "bytes" in rest) {
          unsynced.add(rest.bytes, nowMs);
          writes.push({ atMs: nowMs, bytes: rest.bytes, state: "fresh" });
        } else if (kind === "begin" && !isSyncing) {
          isSyncing = true;
          unsynced.beginSync();
          for (const write of writes) if (write.state === "fresh") write.state = "syncing";
        } else if (kind === "end" && isSyncing && "succeeded" in rest) {
          isSyncing = false;
          unsynced.endSync(rest.succeeded);
          if (rest.succeeded) writes = writes.filter(({ state }) => state !== "syncing");
          else for (const write of writes) write.state = "stranded";
        } else if (kind === "rescue") {
          unsynced.rescued();
          writes = writes.filter(({ state }) => state !== "stranded");
        }
        const bytes = writes.reduce((sum, write) => sum + write.bytes, 0);
        expect(unsynced.bytes).toBe(bytes);
        const sinceMs = Math.min(nowMs, ...writes.map(({ atMs }) => atMs));
        expect(unsynced.ageMs(nowMs)).toBe(nowMs - sinceMs);
        expect(bytes <= limits.maxBytes || !unsynced.isWithin(nowMs)).toBe(true);
      }
    }),
  );
});
