import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Quota } from "./quota.ts";
import { retryAfterSeconds } from "./retry-after.ts";

test("over any time no more is admitted than burst, rate and one request on credit", () => {
  const arrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 1, max: 50 })), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 100 }),
      arrivals,
      (rate, burst, requests) => {
        const quota = new Quota({ eventsPerSecond: rate, burst }, 0);
        let nowMs = 0;
        let admitted = 0;
        for (const [waitMs, events] of requests) {
          nowMs += waitMs;
          if (quota.waitMs(nowMs) > 0) continue;
          quota.charge(events, nowMs);
          admitted += events;
        }
        expect(admitted).toBeLessThanOrEqual(burst + (rate * nowMs) / 1000 + 50);
      },
    ),
  );
});

test("a batch larger than the burst is admitted, and then the debt is waited for", () => {
  const quota = new Quota({ eventsPerSecond: 10, burst: 5 }, 0);
  expect(quota.waitMs(0)).toBe(0);
  quota.charge(105, 0);
  expect(quota.waitMs(0)).toBe(10_100);
  expect(quota.waitMs(10_000)).toBeGreaterThan(0);
  expect(quota.waitMs(10_100)).toBe(0);
});

test("who waits as told is admitted", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 1e6 }), (rate, events) => {
      const quota = new Quota({ eventsPerSecond: rate, burst: 1 }, 0);
      quota.charge(events, 0);
      expect(quota.waitMs(retryAfterSeconds(quota.waitMs(0)) * 1000)).toBe(0);
    }),
  );
});

test("a clock that goes back gives nothing away", () => {
  const quota = new Quota({ eventsPerSecond: 1, burst: 1 }, 10_000);
  quota.charge(1, 10_000);
  expect(quota.waitMs(0)).toBeGreaterThan(0);
  expect(quota.waitMs(10_000)).toBe(1_000);
});

test("new limits keep what was used", () => {
  const old = new Quota({ eventsPerSecond: 1, burst: 10 }, 0);
  old.charge(15, 0);
  expect(new Quota({ eventsPerSecond: 100, burst: 1000 }, 0, old).waitMs(0)).toBeGreaterThan(0);
  expect(new Quota({ eventsPerSecond: 100, burst: 2 }, 100_000, old).waitMs(100_000)).toBe(0);
});
