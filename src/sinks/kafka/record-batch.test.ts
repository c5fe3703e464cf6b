import { createRecordsBatch, NumericMap, Reader, readRecordsBatch } from "@platformatic/kafka";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { BATCH_OVERHEAD_BYTES, encodedBytes, RecordEncoder } from "./encode.ts";
import { encodeBatch } from "./record-batch.ts";
import { varintBytes, writeVarint } from "./varint.ts";

const STRUCTURED = "application/cloudevents+json; charset=UTF-8";
const IDENTITY = { producerId: 4711n, producerEpoch: 3, number: 12 };

/** Names as long as they can be: 255 bytes. */
const name = fc.string({ unit: "grapheme", maxLength: 255 }).filter((text) => Buffer.byteLength(text) <= 255);
const event = fc.record<CollectedEvent>({
  position: fc.nat(),
  id: name,
  type: name,
  source: fc.constantFrom("web", "ä-source"),
  // The library spoils times that are more than 2^31 ms apart.
  receivedMs: fc.integer({ min: 1_795_000_000_000, max: 1_795_000_000_000 + 2 ** 31 - 1 }),
  bytes: fc.uint8Array({ maxLength: 20_000 }).map((bytes) => Buffer.from(bytes)),
});

test("a batch is to the byte what the library makes of the same records", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 80 }),
      fc.constantFrom("id", "none"),
      async (events, key) => {
        const encoder = new RecordEncoder({ key, headers: "cloudevents" });
        const ours = await encodeBatch(
          events.map((one) => encoder.record(one, "t")),
          "none",
          IDENTITY,
        );
        const theirs = createRecordsBatch(
          events.map(({ id, type, source, bytes, receivedMs }) => ({
            topic: "t",
            partition: 0,
            ...(key === "id" && { key: Buffer.from(id) }),
            value: bytes,
            timestamp: BigInt(receivedMs),
            headers: new Map(
              Object.entries({ "content-type": STRUCTURED, ce_id: id, ce_type: type, ce_source: source }).map(
                ([header, value]) => [Buffer.from(header), Buffer.from(value)],
              ),
            ),
          })),
          { ...IDENTITY, sequences: new NumericMap([["t:0", IDENTITY.number]]) },
        );
        expect(ours.equals(theirs.buffer)).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

test("times may be any time apart, as when what waited is sent with what is new", () => {
  for (const value of [0, 1, -1, 63, 64, -64, -65, 2 ** 31, -(2 ** 31), 2 ** 45, -(2 ** 45)]) {
    const target = Buffer.alloc(10);
    const end = writeVarint(target, 0, value);
    expect(end).toBe(varintBytes(value));
    let zigzag = 0n;
    for (const [at, byte] of target.subarray(0, end).entries()) zigzag |= BigInt(byte & 0x7f) << BigInt(7 * at);
    expect((zigzag >> 1n) ^ -(zigzag & 1n)).toBe(BigInt(value));
  }
});

test("a record counts for no less than it takes, whatever the event", async () => {
  await fc.assert(
    fc.asyncProperty(event, fc.constantFrom("cloudevents", "none"), async (one, headers) => {
      const encoder = new RecordEncoder({ key: "id", headers });
      const record = encoder.record(one, "t");
      const taken = (await encodeBatch([record], "none")).length - BATCH_OVERHEAD_BYTES;
      expect(encodedBytes(record)).toBeGreaterThanOrEqual(taken);
      expect(encoder.recordBytes(one)).toBeGreaterThanOrEqual(encodedBytes(record));
    }),
  );
});

test.each(["gzip", "snappy", "lz4", "zstd"] as const)("what %s compressed can be read again", async (compression) => {
  const encoder = new RecordEncoder({ key: "none", headers: "none" });
  const values = Array.from({ length: 100 }, (_, index) => Buffer.from(`{"n":${index}}`));
  const records = values.map((bytes) =>
    encoder.record({ position: 0, id: "i", type: "t", source: "s", receivedMs: 5, bytes }, "t"),
  );
  const read = readRecordsBatch(Reader.from(await encodeBatch(records, compression)));
  expect(read.records.map(({ value }) => value?.toString())).toEqual(values.map((value) => value.toString()));
});
