import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Interruptible } from "./interruptible.ts";

const never = () => new Promise<never>(() => {});

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a sleep ends after its time, and leaves no timer", async () => {
  const sleep = new Interruptible().sleep(50);
  await vi.advanceTimersByTimeAsync(50);
  await sleep;
  expect(vi.getTimerCount()).toBe(0);
});

test("work that is done in time leaves no timer, whether it succeeds or fails", async () => {
  const waits = new Interruptible();
  expect(await waits.within(50, async () => "done")).toBe("done");
  await expect(waits.within(50, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(vi.getTimerCount()).toBe(0);
});

test("work that takes too long is aborted and given up", async () => {
  let signal: AbortSignal | undefined;
  const work = new Interruptible().within(50, (given) => {
    signal = given;
    return never();
  });
  const failure = expect(work).rejects.toThrow("no answer within 50 ms");
  await vi.advanceTimersByTimeAsync(50);
  await failure;
  expect(signal?.aborted).toBe(true);
});

test("all that is under way ends at once, and what begins after it too", async () => {
  const waits = new Interruptible();
  const sleep = waits.sleep(1_000);
  const work = expect(waits.within(1_000, never)).rejects.toThrow("closed");
  waits.endAll();
  await Promise.all([sleep, work, waits.sleep(1_000)]);
  await expect(waits.within(1_000, never)).rejects.toThrow("closed");
  expect(vi.getTimerCount()).toBe(0);
});
