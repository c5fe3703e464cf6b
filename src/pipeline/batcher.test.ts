import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { Batcher } from "./batcher.ts";

const limits = { maxEvents: 3, maxBytes: 100, maxEventBytes: 100, maxAgeMs: 50 };

function event(position: number): CollectedEvent {
  return { position, id: `${position}`, type: "t", source: "s", receivedMs: 0, bytes: Buffer.alloc(0) };
}

test("a batch is due once it holds maxEvents", () => {
  const batcher = new Batcher(limits);
  batcher.add(event(0), 1, 0);
  batcher.add(event(1), 1, 0);
  expect(batcher.trigger(0)).toBeUndefined();
  batcher.add(event(2), 1, 0);
  expect(batcher.trigger(0)).toBe("count");
});

test("a batch is due once it holds maxBytes or has no room for the next event", () => {
  const batcher = new Batcher(limits);
  batcher.add(event(0), 60, 0);
  expect([batcher.trigger(0), batcher.trigger(0, 40), batcher.trigger(0, 41)]).toEqual([undefined, undefined, "bytes"]);
  expect(batcher.fits(41)).toBe(false);
  expect(batcher.fits(40)).toBe(true);
  batcher.add(event(1), 40, 0);
  expect(batcher.trigger(0)).toBe("bytes");
});

test("a batch is due once its oldest event reaches maxAgeMs", () => {
  const batcher = new Batcher(limits);
  expect(batcher.dueMs).toBe(Number.POSITIVE_INFINITY);
  batcher.add(event(0), 1, 1_000);
  batcher.add(event(1), 1, 1_040);
  expect(batcher.trigger(1_049)).toBeUndefined();
  expect(batcher.trigger(1_050)).toBe("age");
});

test("a batch with a retry is due at once", () => {
  const batcher = new Batcher(limits);
  batcher.add(event(1), 1, 1_000);
  batcher.addRetry(event(0), 1, 1_010);
  expect(batcher.trigger(1_010)).toBe("age");
});

test("an event that does not fit is a bug of the caller", () => {
  const batcher = new Batcher(limits);
  batcher.add(event(0), 60, 0);
  expect(() => batcher.add(event(1), 41, 0)).toThrow("take the open batch");
});

test("batches stay within limits, lose nothing and keep order", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, (bytes) => {
      const batcher = new Batcher(limits);
      const taken: number[] = [];
      const take = () => {
        expect(batcher.bytes).toBeLessThanOrEqual(limits.maxBytes);
        const batch = batcher.take();
        expect(batch.length).toBeLessThanOrEqual(limits.maxEvents);
        for (const { position } of batch) taken.push(position);
      };
      for (const [position, size] of bytes.entries()) {
        if (!batcher.fits(size)) take();
        batcher.add(event(position), size, position);
        if (batcher.trigger(position) !== undefined) take();
      }
      take();
      expect(taken).toEqual(bytes.map((_, position) => position));
      expect([batcher.events, batcher.bytes, batcher.dueMs]).toEqual([0, 0, Number.POSITIVE_INFINITY]);
    }),
  );
});
