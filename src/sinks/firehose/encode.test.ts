import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { firehoseConfig } from "./config.ts";
import { encodeRecords, firehoseLimits, lineBytes, packRecords } from "./encode.ts";

const LEAST = { name: "lake", type: "firehose", stream: "events", region: "us-east-1" };

const TEXT = Buffer.alloc(1_000_000, "x");

function eventsOf(sizes: readonly number[]): CollectedEvent[] {
  return sizes.map((size, position) => ({
    position,
    id: String(position),
    type: "t",
    source: "s",
    receivedMs: 0,
    bytes: TEXT.subarray(0, size),
  }));
}

test("a small batch takes events, compressed or not", () => {
  for (const compression of ["none", "gzip"]) {
    const { maxBytes, maxEventBytes } = firehoseLimits(
      firehoseConfig.parse({ ...LEAST, compression, batch: { maxBytes: "1KiB" } }),
    );
    expect([maxBytes, maxEventBytes]).toEqual([1024, 1024]);
  }
});

test("whatever the sizes, a batch within the limits is packed in order, in at most 500 records of at most 1,000 KiB", () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 12_000 }), fc.integer({ min: 1, max: 1_000_000 })), {
    maxLength: 1_000,
  });
  fc.assert(
    fc.property(
      sizes,
      fc.constantFrom("5KiB", "13KiB", "1000KiB"),
      fc.constantFrom("none", "gzip"),
      (all, recordBytes, compression) => {
        const config = firehoseConfig.parse({ ...LEAST, recordBytes, compression, batch: { maxEvents: 3_000 } });
        const { maxBytes, maxEventBytes } = firehoseLimits(config);
        const batch: CollectedEvent[] = [];
        let bytes = 0;
        for (const event of eventsOf(all)) {
          const size = lineBytes(event, config.compression);
          if (size > maxEventBytes || bytes + size > maxBytes) continue;
          bytes += size;
          batch.push(event);
        }
        const records = packRecords(batch, config);
        expect(records.flat().map(({ position }) => position)).toEqual(batch.map(({ position }) => position));
        expect(records.length).toBeLessThanOrEqual(500);
        for (const events of records) {
          expect(events.length).toBeLessThanOrEqual(500);
          expect(events.reduce((sum, { bytes: { length } }) => sum + length + 1, 0)).toBeLessThanOrEqual(1_000 * 1024);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("single events as small as they get still fit in a call", () => {
  const config = firehoseConfig.parse({
    ...LEAST,
    recordBytes: "5KiB",
    batch: { maxEvents: 50_000, maxBytes: "4MiB" },
  });
  expect(packRecords(eventsOf(Array.from({ length: 50_000 }, () => 2)), config).length).toBe(100);
});

test("records are filled up to whole steps of 5 KiB", () => {
  const config = firehoseConfig.parse({ ...LEAST, recordBytes: "14KiB" });
  const records = packRecords(eventsOf(Array.from({ length: 40 }, () => 1023)), config);
  expect(records.map(({ length }) => length)).toEqual([10, 10, 10, 10]);
});

test("a call has the lines of each record in base64", async () => {
  const body = await encodeRecords("a", [eventsOf([2, 2]), eventsOf([1])], "none");
  expect(JSON.parse(body.toString())).toEqual({
    DeliveryStreamName: "a",
    Records: [{ Data: Buffer.from("xx\nxx\n").toString("base64") }, { Data: Buffer.from("x\n").toString("base64") }],
  });
});
