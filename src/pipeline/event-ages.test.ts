import * as fc from "fast-check";
import { expect, test } from "vitest";
import { EventAges } from "./event-ages.ts";
import { FakeClock } from "./testing/fake-clock.ts";

const HOUR_MS = 3_600_000;
const START_MS = 1_700_000_000_000;

test("while the wall clock runs steadily, ages are exact", async () => {
  const clock = new FakeClock();
  const ages = new EventAges(clock, 0);
  for (let position = 0; position < 1_000; position++) {
    ages.written(position + 1, clock.monotonicMs());
    await clock.advance(7);
  }
  for (const position of [0, 1, 500, 999])
    expect(ages.ageMs(position, START_MS + 7 * position)).toBe(7_000 - 7 * position);
});

test("however the wall clock is set, an age is off by 0.1 s or a twentieth of the longest", async () => {
  const writes = fc.array(
    fc.record({ pauseMs: fc.oneof(fc.nat(50), fc.nat(60_000)), jumpMs: fc.integer({ min: -HOUR_MS, max: HOUR_MS }) }),
    {
      minLength: 1,
      maxLength: 400,
      size: "max",
    },
  );
  await fc.assert(
    fc.asyncProperty(writes, async (all) => {
      const clock = new FakeClock();
      const ages = new EventAges(clock, 0);
      const written: { receivedMs: number; atMs: number }[] = [];
      for (const { pauseMs, jumpMs } of all) {
        written.push({ receivedMs: clock.nowMs(), atMs: clock.monotonicMs() });
        ages.written(written.length, clock.monotonicMs());
        clock.jump(jumpMs);
        clock.pass(pauseMs);
      }
      const nowMs = clock.monotonicMs();
      const allowedMs = Math.max(100, nowMs / 20);
      for (const [position, { receivedMs, atMs }] of written.entries()) {
        expect(Math.abs(ages.ageMs(position, receivedMs) - (nowMs - atMs))).toBeLessThanOrEqual(allowedMs);
        expect(Math.abs(ages.ageMs(position, undefined) - (nowMs - atMs))).toBeLessThanOrEqual(allowedMs);
      }
    }),
    { numRuns: 50 },
  );
});

test("events of before the start age by the monotonic clock, from what the wall clock said then", () => {
  const clock = new FakeClock();
  const receivedMs = clock.nowMs() - 5_000;
  const ages = new EventAges(clock, 10);
  clock.pass(1_000);
  for (const jumpMs of [HOUR_MS, -3 * HOUR_MS]) {
    clock.jump(jumpMs);
    expect(ages.ageMs(3, receivedMs)).toBe(6_000);
    // Received in the future: the clock was wrong then, or is now.
    expect(ages.ageMs(4, receivedMs + HOUR_MS)).toBe(1_000);
    expect(ages.ageMs(5, undefined)).toBe(1_000);
  }
});

test("what is forgotten makes the ages of the rest exact again", () => {
  const clock = new FakeClock();
  const ages = new EventAges(clock, 0);
  for (let position = 0; position < 1_000; position++) {
    ages.written(position + 1, clock.monotonicMs());
    clock.pass(1_000);
  }
  ages.forgetBelow(1_000);
  for (let position = 1_000; position < 1_010; position++) {
    ages.written(position + 1, clock.monotonicMs());
    clock.pass(1_000);
  }
  expect(ages.ageMs(1_005, undefined)).toBe(5_000);
});
