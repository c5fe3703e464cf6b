import { expect, test } from "vitest";
import { beatEveryMs, checkEveryMs, Heartbeat } from "./heartbeat.ts";

const HANG_MS = 10_000;
const CHECK_MS = checkEveryMs(HANG_MS);

/** Looks at it on time until it hangs; returns when that was. */
function hangsAtMs(heartbeat: Heartbeat, fromMs: number, everyMs = CHECK_MS): number {
  for (let nowMs = fromMs + everyMs; nowMs < fromMs + 100 * everyMs; nowMs += everyMs) {
    if (heartbeat.hangs(nowMs)) return nowMs;
  }
  return Number.POSITIVE_INFINITY;
}

test("a worker hangs once it was silent for hangMs", () => {
  const heartbeat = new Heartbeat(HANG_MS, 0);
  heartbeat.seen(500);
  expect(hangsAtMs(heartbeat, 0)).toBe(12_000);
});

test("a worker that shows signs of life does not hang, however long it lives", () => {
  const heartbeat = new Heartbeat(HANG_MS, 0);
  for (let nowMs = 0; nowMs < 600_000; nowMs += CHECK_MS) {
    heartbeat.seen(nowMs);
    expect(heartbeat.hangs(nowMs + CHECK_MS)).toBe(false);
  }
});

test("a check that comes late, as after the supervisor was stopped, starts to count anew", () => {
  const heartbeat = new Heartbeat(HANG_MS, 0);
  heartbeat.seen(1);
  expect(heartbeat.hangs(60_000)).toBe(false);
  expect(hangsAtMs(heartbeat, 60_000)).toBe(70_000);
});

test("checks that are all a little late still find a hang", () => {
  const heartbeat = new Heartbeat(HANG_MS, 0);
  heartbeat.seen(0);
  const late = [3_900, 7_800, 11_700].map((nowMs) => heartbeat.hangs(nowMs));
  expect(late).toEqual([false, false, true]);
});

test("a program that is being loaded has ten seconds even where hangMs is short", () => {
  expect(hangsAtMs(new Heartbeat(1_000, 0), 0, 200)).toBe(10_000);
  const loaded = new Heartbeat(1_000, 0);
  loaded.seen(0);
  expect(hangsAtMs(loaded, 0, 200)).toBe(1_000);
});

test("there are at least five signs of life in hangMs, and one a second", () => {
  for (const hangMs of [1_000, 1_500, 5_000, 10_000, 3_600_000]) {
    expect(hangMs / beatEveryMs(hangMs)).toBeGreaterThanOrEqual(5);
    expect(beatEveryMs(hangMs)).toBeLessThanOrEqual(1_000);
  }
  expect(beatEveryMs(0)).toBe(1_000);
});
