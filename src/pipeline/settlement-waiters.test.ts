import { expect, test } from "vitest";
import { SettlementWaiters } from "./settlement-waiters.ts";
import { STANDING, type Standing } from "./standing.ts";

const FOREVER = new AbortController().signal;

/** Waiters over positions that a test settles, and how often a standing was asked for. */
function someWaiters() {
  const standings = new Map<number, Standing>();
  const rig = {
    looks: 0,
    settle: (position: number, as: Standing = STANDING.delivered) => {
      standings.set(position, as);
      waiters.settled(position);
    },
    lose: (from: number, to: number) => {
      for (let position = from; position < to; position++) standings.set(position, STANDING.lost);
      waiters.skipped();
    },
  };
  const waiters = new SettlementWaiters((position) => {
    rig.looks++;
    return standings.get(position) ?? STANDING.held;
  });
  return { ...rig, rig, waiters };
}

test("thousands who wait for a slow sink are each looked at only when their own events are settled", async () => {
  const { rig, waiters, settle } = someWaiters();
  const waits = Array.from({ length: 5_000 }, (_, position) => waiters.wait(position, 1, FOREVER));
  for (let position = 0; position < 5_000; position++) {
    settle(position);
    waiters.tell();
  }
  expect(new Set(await Promise.all(waits))).toEqual(new Set(["delivered"]));
  expect(rig.looks).toBe(10_000);
});

test("who waits for several events is told once all are settled in whatever order, and whether all were taken", async () => {
  const { waiters, settle, lose } = someWaiters();
  const told: string[] = [];
  const wait = (name: string, from: number, count: number, signal = FOREVER) =>
    void waiters.wait(from, count, signal).then((result) => told.push(`${name} ${result}`));
  const cancel = new AbortController();
  wait("all", 0, 6);
  wait("taken", 1, 2);
  wait("refused", 2, 2);
  wait("lost", 4, 2);
  wait("cancelled", 0, 1, cancel.signal);
  const tell = async () => {
    waiters.tell();
    await Promise.resolve();
    return told.splice(0);
  };
  settle(2);
  settle(1, STANDING.filtered);
  expect(await tell()).toEqual(["taken delivered"]);
  settle(3, STANDING.deadLettered);
  expect(await tell()).toEqual(["refused undelivered"]);
  lose(4, 6);
  expect(await tell()).toEqual(["lost undelivered"]);
  settle(0);
  cancel.abort();
  expect(await tell()).toEqual(["all undelivered"]);
});
