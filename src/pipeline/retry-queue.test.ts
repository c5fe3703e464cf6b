import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Retry, RetryQueue } from "./retry-queue.ts";

function retry(position: number, dueMs: number): Retry {
  const event = { position, id: "", type: "", source: "", receivedMs: 0, bytes: Buffer.alloc(0) };
  return { event, bytes: 1, dueMs };
}

function takeDue(queue: RetryQueue, nowMs: number): [number, number][] {
  const taken: [number, number][] = [];
  for (let due = queue.peek(nowMs); due !== undefined; due = queue.peek(nowMs)) {
    expect(queue.shift(nowMs)).toBe(due);
    taken.push([due.dueMs, due.event.position]);
  }
  return taken;
}

test("retries come back when they are due, in order of due time and position, and none is lost", () => {
  const dues = fc.array(fc.nat(20), { maxLength: 60 });
  fc.assert(
    fc.property(dues, fc.nat(20), (all, nowMs) => {
      const queue = new RetryQueue();
      for (const [position, dueMs] of all.entries()) queue.push(retry(position, dueMs));
      const pairs = all.map((dueMs, position): [number, number] => [dueMs, position]);
      const sorted = pairs.toSorted(([a, i], [b, j]) => a - b || i - j);
      const due = sorted.filter(([dueMs]) => dueMs <= nowMs);
      expect(takeDue(queue, nowMs)).toEqual(due);
      expect(queue.nextDueMs).toBe(sorted[due.length]?.[0] ?? Number.POSITIVE_INFINITY);
      expect(takeDue(queue, 20)).toEqual(sorted.slice(due.length));
      expect(queue.size).toBe(0);
    }),
  );
});

test("what is hastened is due, oldest position first", () => {
  const queue = new RetryQueue();
  for (const position of [3, 1, 2]) queue.push(retry(position, 1_000 - position));
  queue.hasten();
  expect(takeDue(queue, 0).map(([, position]) => position)).toEqual([1, 2, 3]);
});
