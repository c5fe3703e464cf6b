import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../core/seeded-random.ts";
import type { Batch } from "../core/sink.ts";
import { turn } from "./testing/fake-clock.ts";
import { Rig, type RigOptions } from "./testing/rig.ts";

function startRig(options?: RigOptions): Rig {
  const rig = new Rig(options);
  rig.pipeline.start();
  return rig;
}

/** A sink with a bug that these events bring out. */
function throwOver(rig: Rig, poison: ReadonlySet<number>): void {
  rig.sink.answer = (batch: Batch) => {
    const bad = batch.find(({ position }) => poison.has(position));
    if (bad !== undefined) throw new TypeError(`no value at ${bad.position}`);
    return { kind: "delivered" };
  };
}

function deadLettered(rig: Rig): number[] {
  return rig.deadLetters.map(({ position = -1 }) => position).toSorted((a, b) => a - b);
}

test("an event that a sink throws over becomes a dead letter with the exception, and the others arrive", async () => {
  const rig = startRig();
  throwOver(rig, new Set([5]));
  rig.writeMany(20);
  await rig.clock.advance(1_000);
  expect(rig.deadLetters).toEqual([
    expect.objectContaining({
      position: 5,
      code: "encode_failed",
      reasons: ["the sink threw over this event, and takes others: TypeError: no value at 5"],
    }),
  ]);
  expect(rig.cursor).toBe(20);
  expect(rig.pipeline.health().state).toBe("ok");
  expect(rig.logged.map(({ msg }) => msg)).toEqual([
    "bug in the sink: a write must answer, not throw",
    "events this sink does not take were written to the dead letters",
  ]);
});

test("a sink that throws over everything dead-letters nothing, says so, and gets all once it is mended", async () => {
  const rig = startRig();
  const all = new Set(Array.from({ length: 100 }, (_, position) => position));
  throwOver(rig, all);
  rig.writeMany(100);
  await rig.clock.advance(600_000);
  expect(rig.deadLetters).toEqual([]);
  expect(rig.cursor).toBe(0);
  expect(rig.pipeline.health()).toMatchObject({ state: "open", lagEvents: 100 });
  expect(rig.pipeline.health().lastError).toMatch(/^bug in the sink: it threw TypeError: no value at \d+$/);
  expect(rig.logged.map(({ msg }) => msg)).toContain("the sink takes nothing; trying one batch at a time from now on");
  expect(rig.logged.length).toBeLessThan(20);
  all.clear();
  await rig.clock.advance(10_000);
  expect(rig.deadLetters).toEqual([]);
  expect(rig.cursor).toBe(100);
});

test("an event thrown over when there is no other is held until the sink has taken one, which it does not hold up", async () => {
  const rig = startRig();
  throwOver(rig, new Set([0]));
  rig.writeMany(1);
  await rig.clock.advance(60_000);
  expect(rig.deadLetters).toEqual([]);
  expect(rig.pipeline.health().state).toBe("open");
  rig.writeMany(10);
  await rig.clock.advance(2_000);
  expect(deadLettered(rig)).toEqual([0]);
  expect(rig.cursor).toBe(11);
  expect(rig.pipeline.health().state).toBe("ok");
});

test("an event of which not even the size can be told becomes a dead letter, unless it is so with all", async () => {
  const rig = startRig();
  let allFail = true;
  rig.sink.eventBytes = ({ position, bytes }) => {
    if (allFail || position === 3) throw new RangeError("no size");
    return bytes.byteLength;
  };
  rig.writeMany(10);
  await rig.clock.advance(60_000);
  expect(rig.deadLetters).toEqual([]);
  expect(rig.pipeline.health()).toMatchObject({ state: "open", lagEvents: 10 });
  allFail = false;
  await rig.clock.advance(10_000);
  expect(deadLettered(rig)).toEqual([3]);
  expect(rig.deadLetters).toMatchObject([{ code: "encode_failed" }]);
  expect(rig.cursor).toBe(10);
});

test("an event thrown over is given up at retry.maxAgeMs like any other", async () => {
  const rig = startRig({ settings: { retry: { minDelayMs: 100, maxDelayMs: 100, maxAgeMs: 5_000 } } });
  throwOver(rig, new Set([0]));
  rig.writeMany(1);
  await rig.clock.advance(6_000);
  expect(rig.deadLetters).toMatchObject([{ position: 0, code: "retry_expired", reasons: ["sink_error"] }]);
});

test("a drain isolates what a sink throws over, delivers the rest, and holds nothing", async () => {
  const rig = startRig({ limits: { maxAgeMs: 900_000 } });
  throwOver(rig, new Set([2]));
  rig.writeMany(9);
  await turn();
  const drained = rig.pipeline.drain(10_000);
  await rig.clock.advance(3_000);
  expect(await drained).toBe(0);
  expect(deadLettered(rig)).toEqual([2]);
  expect(rig.clock.pendingTimers).toBe(0);
});

test("exactly the events that a sink throws over are dead-lettered, however many, whatever the batches", async () => {
  const runs = fc.record({
    poison: fc.uniqueArray(fc.nat(79), { maxLength: 40, size: "max" }),
    maxEvents: fc.integer({ min: 1, max: 40 }),
    maxInFlight: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(runs, async ({ poison, maxEvents, maxInFlight, seed }) => {
      const random = seededRandom(seed);
      const rig = startRig({ limits: { maxEvents, maxBytes: 10_000 }, settings: { maxInFlight }, random });
      throwOver(rig, new Set(poison));
      for (let written = 0; written < 80; written += 8) {
        rig.writeMany(8);
        await rig.clock.advance(Math.floor(random() * 300));
      }
      await rig.clock.advance(60_000);
      // One that the sink surely takes, so that there is evidence against the last one too.
      rig.writeMany(1);
      await rig.clock.advance(60_000);
      expect(deadLettered(rig)).toEqual(poison.toSorted((a, b) => a - b));
      expect(rig.cursor).toBe(81);
      await rig.pipeline.stop();
    }),
    { numRuns: 50 },
  );
});

test("a sink that for a time throws over everything, with writes on their way that still succeed, loses nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 20 }), async (seed, maxEvents) => {
      const random = seededRandom(seed);
      const rig = startRig({ limits: { maxEvents }, settings: { maxInFlight: 4 }, random });
      let isBroken = false;
      rig.sink.answer = async () => {
        if (isBroken) throw new Error("broken");
        await new Promise<void>((resolve) => rig.clock.after(Math.floor(random() * 400), resolve));
        return { kind: "delivered" };
      };
      for (let round = 0; round < 6; round++) {
        rig.writeMany(25);
        await rig.clock.advance(Math.floor(random() * 500));
        // Broken once, and then for good: an innocent event must not be judged by what was taken before.
        isBroken = round >= 2 && round < 5;
      }
      await rig.clock.advance(60_000);
      isBroken = false;
      await rig.clock.advance(60_000);
      expect(deadLettered(rig)).toEqual([]);
      expect(rig.cursor).toBe(150);
      await rig.pipeline.stop();
    }),
    { numRuns: 50 },
  );
});
