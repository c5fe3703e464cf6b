import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Fate } from "../../core/sink.ts";
import { chunksOf, oneOfEachPartition } from "./chunk.ts";
import { BATCH_OVERHEAD_BYTES, encodedBytes, type KafkaRecord } from "./encode.ts";
import { partitionOf } from "./murmur2.ts";

const REJECTED: Fate = { kind: "rejected", reason: "bad" };

function recordsOf(sizes: readonly number[]): KafkaRecord[] {
  return sizes.map((size, index) => ({
    topic: "t",
    key: Buffer.from(`k${index}`),
    value: Buffer.alloc(size, "x"),
    headers: Buffer.from([0]),
    timestampMs: 0,
  }));
}

test("chunks hold every record once, of one partition, in order, within the limit", () => {
  const limit = 2_000;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_500 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      (sizes, partitions) => {
        const records = recordsOf(sizes);
        const chunks = chunksOf("t", partitions, [...records.keys()], records, limit);
        const fates: Fate[] = [];
        for (const chunk of chunks) {
          chunk.settle(fates, { kind: "delivered" });
          let bytes = BATCH_OVERHEAD_BYTES;
          for (const record of chunk.records) bytes += encodedBytes(record);
          expect(bytes).toBeLessThanOrEqual(limit);
          const places = chunk.records.map(({ key }) => partitionOf(key ?? Buffer.alloc(0), partitions));
          expect(new Set(places)).toEqual(new Set([chunk.partition]));
        }
        expect(chunks.flatMap((chunk) => chunk.records).length).toBe(records.length);
        expect(fates.filter((fate) => fate !== undefined).length).toBe(records.length);
      },
    ),
  );
});

test("records without a key share a partition", () => {
  const records = recordsOf([1, 1, 1, 1]).map((record) => ({ ...record, key: undefined }));
  expect(chunksOf("t", 50, [0, 1, 2, 3], records, 10_000).length).toBe(1);
});

test("of a chunk that was refused only what is to blame is rejected, down to one record if nobody says which", () => {
  const records = recordsOf([1, 1, 1, 1, 1]);
  const [chunk] = chunksOf("t", 1, [0, 1, 2, 3, 4], records, 10_000);
  const fates: Fate[] = [];
  const named = chunk?.refused(fates, { kind: "refused", fate: REJECTED, culprits: [1, 3] });
  expect(named?.map(({ size }) => size)).toEqual([3]);
  expect(fates.map((fate) => fate?.kind)).toEqual([undefined, "rejected", undefined, "rejected"]);

  const halves = chunk?.refused([], { kind: "refused", fate: REJECTED, culprits: [] }) ?? [];
  expect(halves.map(({ size }) => size)).toEqual([2, 3]);
  expect(oneOfEachPartition(halves)).toEqual([halves[0]]);
});
