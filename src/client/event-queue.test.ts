import * as fc from "fast-check";
import { expect, test } from "vitest";
import { EventQueue, type QueuedEvent } from "./event-queue.ts";

const LIMITS = { maxBatchEvents: 3, maxBatchBytes: 100, maxBatchAgeMs: 50 };

function event(sequence: number, bytes = 10, trackedAtMs = 0): QueuedEvent {
  return { id: String(sequence), json: "", bytes, trackedAtMs, sequence };
}

test("a batch is due at once when it is full by count or bytes, else when its oldest event reaches the age", () => {
  const queue = new EventQueue(LIMITS);
  expect(queue.dueInMs(0)).toBeUndefined();
  queue.add(event(1, 10, 1_000));
  expect(queue.dueInMs(1_010)).toBe(40);
  expect(queue.dueInMs(1_060)).toBe(0);
  queue.add(event(2, 90, 1_000));
  expect(queue.dueInMs(1_000)).toBe(0);
  queue.takeBatch();
  for (const sequence of [3, 4, 5]) queue.add(event(sequence, 10, 2_000));
  expect(queue.dueInMs(2_000)).toBe(0);
});

test("batches keep order, lose nothing and stay within the limits; what is larger goes alone", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 150 })), fc.array(fc.boolean()), (sizes, takes) => {
      const queue = new EventQueue(LIMITS);
      const batches: QueuedEvent[][] = [];
      for (const [index, bytes] of sizes.entries()) {
        queue.add(event(index, bytes));
        if (takes[index] === true) batches.push(queue.takeBatch());
      }
      while (queue.oldest !== undefined) batches.push(queue.takeBatch());
      expect(batches.flat().map(({ sequence }) => sequence)).toEqual([...sizes.keys()]);
      for (const batch of batches) {
        const bytes = batch.reduce((sum, each) => sum + each.bytes, 0);
        expect(batch.length === 1 || (batch.length <= 3 && bytes <= 100)).toBe(true);
      }
    }),
  );
});
