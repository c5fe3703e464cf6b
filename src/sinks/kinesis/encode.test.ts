import { randomBytes } from "node:crypto";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { BufferPool } from "./buffer-pool.ts";
import { kinesisConfig } from "./config.ts";
import { createEncoder, type RecordEncoder } from "./encode.ts";
import { encodeLines, lineBytes } from "./ndjson-record.ts";

const MAX_CALL_BYTES = 10 * 1024 * 1024;
const POOL = new BufferPool(1);

function encoderOf(change: object): RecordEncoder {
  const least = { name: "stream", type: "kinesis", stream: "web-events", region: "us-east-1" };
  return createEncoder(kinesisConfig.parse({ ...least, ...change }), POOL);
}

function eventOf(position: number, data: string | Buffer, id = `id-${position}`): CollectedEvent {
  return { position, id, type: "t", source: "s", receivedMs: 0, bytes: Buffer.from(data) };
}

interface SentRecord {
  readonly key: string;
  readonly data: Buffer;
}

/** Encodes and reads the call as the service would. */
async function send(encoder: RecordEncoder, batch: readonly CollectedEvent[]) {
  const call = await encoder.encode(batch);
  const request: { Records: { PartitionKey: string; Data: string }[] } = JSON.parse(call.body.bytes.toString());
  const records = request.Records.map((record): SentRecord => ({
    key: record.PartitionKey,
    data: Buffer.from(record.Data, "base64"),
  }));
  expect(records.length).toBe(call.records);
  POOL.give(call.body.buffer);
  return { request, records, recordOf: [...call.recordOf] };
}

/** Any UTF-16 unit, so control characters and halves of pairs too. */
const anyUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

test("without a format each event is a record of its own bytes, keyed by its id", async () => {
  const texts = fc.array(
    fc.tuple(fc.string({ unit: anyUnit, minLength: 1, maxLength: 60 }), fc.string({ unit: anyUnit })),
    {
      minLength: 1,
      maxLength: 20,
    },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (pairs) => {
      const batch = pairs.map(([id, text], position) => eventOf(position, text, id.toWellFormed()));
      const { records, recordOf } = await send(encoderOf({}), batch);
      expect(records).toEqual(batch.map((event) => ({ key: event.id, data: event.bytes })));
      expect(recordOf).toEqual(batch.map((_, index) => index));
    }),
    { numRuns: 30 },
  );
});

test("the stream is named as configured", async () => {
  const arn = "arn:aws:kinesis:us-east-1:123456789012:stream/web-events";
  expect((await send(encoderOf({}), [eventOf(0, "{}")])).request).toMatchObject({ StreamName: "web-events" });
  expect((await send(encoderOf({ stream: arn }), [eventOf(0, "{}")])).request).toMatchObject({ StreamARN: arn });
});

test("ndjson puts many events in a record, one a line, compressed as told", async () => {
  const batch = Array.from({ length: 300 }, (_, index) => eventOf(index, `{"n":${index},"pad":"${"x".repeat(100)}"}`));
  const lines = batch.map((event) => `${event.bytes.toString()}\n`).join("");
  for (const [compression, open] of [
    ["none", (data: Buffer) => data],
    ["gzip", gunzipSync],
    ["zstd", zstdDecompressSync],
  ] as const) {
    const { records } = await send(encoderOf({ format: "ndjson", compression }), batch);
    expect(records.length).toBeLessThan(3);
    expect(records.map(({ data }) => open(data).toString()).join("")).toBe(lines);
  }
});

test("with a JSON Pointer packed events of equal values share a partition key, which is a bucket", async () => {
  const batch = Array.from({ length: 200 }, (_, index) => eventOf(index, `{"user":"u${index % 20}"}`));
  for (const format of ["kpl", "ndjson"]) {
    const { records, recordOf } = await send(encoderOf({ format, partitionKey: "/user", buckets: 4 }), batch);
    expect(new Set(records.map(({ key }) => key))).toEqual(new Set(["0", "1", "2", "3"]));
    const keyOf = (index: number) => records[recordOf[index] ?? -1]?.key;
    for (let index = 20; index < 200; index++) expect(keyOf(index)).toBe(keyOf(index % 20));
  }
});

test("an aggregate fits in one billed unit of 25 KiB, partition key included", async () => {
  const batch = Array.from({ length: 500 }, (_, index) => eventOf(index, "x".repeat(565)));
  const { records } = await send(encoderOf({ format: "kpl" }), batch);
  for (const { key, data } of records) expect(data.length + key.length).toBeLessThanOrEqual(25_600);
  expect(records.length).toBe(12);
});

test("what cannot be compressed grows by no more than is set aside", async () => {
  for (const size of [1, 100, 20_000, 600_000]) {
    for (const compression of ["gzip", "zstd"] as const) {
      const record = await encodeLines([eventOf(0, randomBytes(size))], compression);
      expect(record.length).toBeLessThanOrEqual(lineBytes(size, compression) + 64);
    }
  }
});

/** The most bytes an event with a long id can have. */
function largestSize(encoder: RecordEncoder, padding: Buffer): number {
  let size = encoder.limits.maxEventBytes;
  for (;;) {
    const event = eventOf(0, padding.subarray(0, size), "i".repeat(255));
    const excess = encoder.eventBytes(event) - encoder.limits.maxEventBytes;
    if (excess <= 0) return size;
    size -= excess;
  }
}

/** Adds events until the next would exceed a limit, as the pipeline does. */
function fillBatch(encoder: RecordEncoder, sizes: readonly number[], padding: Buffer): CollectedEvent[] {
  const { maxEvents, maxBytes, maxEventBytes } = encoder.limits;
  const batch: CollectedEvent[] = [];
  let bytes = 0;
  for (let index = 0; batch.length < maxEvents; index++) {
    const event = eventOf(index, padding.subarray(0, sizes[index % sizes.length]), String(index).padStart(255, "i"));
    const counted = encoder.eventBytes(event);
    if (counted > maxEventBytes || bytes + counted > maxBytes) return batch;
    bytes += counted;
    batch.push(event);
  }
  return batch;
}

test.each([
  { format: "none" },
  { format: "kpl" },
  { format: "ndjson" },
  { format: "ndjson", compression: "gzip" },
  { format: "ndjson", compression: "zstd" },
])(
  "a batch filled to the limits makes a call the service takes, whatever the sizes: $format $compression",
  async (change) => {
    const padding = randomBytes(MAX_CALL_BYTES);
    const batch = { maxBytes: "10MiB", ...(change.format !== "none" && { maxEvents: 50_000 }) };
    for (const maxRecordBytes of ["1MiB", "10MiB"]) {
      const encoder = encoderOf({ ...change, batch, maxRecordBytes });
      for (const sizes of [[200], [1, 25_600], [largestSize(encoder, padding)]]) {
        const filled = fillBatch(encoder, sizes, padding);
        expect(filled.length).toBeGreaterThan(0);
        const { records } = await send(encoder, filled);
        let callBytes = 0;
        for (const { key, data } of records) {
          const recordBytes = Buffer.byteLength(key) + data.length;
          expect(recordBytes).toBeLessThanOrEqual(maxRecordBytes === "1MiB" ? 1024 * 1024 : MAX_CALL_BYTES);
          callBytes += recordBytes;
        }
        expect(records.length).toBeLessThanOrEqual(500);
        expect(callBytes).toBeLessThanOrEqual(MAX_CALL_BYTES);
      }
    }
  },
);

test("a key out of the event does not make a large event too large to send", () => {
  const encoder = encoderOf({ partitionKey: "/user" });
  const { maxEventBytes } = encoder.limits;
  const shell = '{"user":"u1","pad":""}';
  const event = eventOf(0, shell.replace('""', `"${"x".repeat(maxEventBytes - shell.length - 2)}"`));
  expect(encoder.eventBytes(event)).toBe(maxEventBytes);
});
