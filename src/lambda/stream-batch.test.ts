import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import type { SourceRecord } from "./source-record.ts";
import { readBatch } from "./stream-batch.ts";

const LIMITS = { recordBytes: 1_000, batchBytes: 2_500, poisonLines: 10 };

function recordOf(data: Buffer | string): SourceRecord {
  return { identifier: "1", partition: "shard", data: Buffer.from(data), arrivedMs: 0 };
}

function lineOf(id: string, bytes = 0): string {
  return JSON.stringify({ id, type: "t", source: "web", data: "x".repeat(bytes) });
}

function idsOf(batch: ReturnType<typeof readBatch>): string[] {
  return batch.events.map(({ id }) => id);
}

test("a record out of which too much comes is poison as it came, and its neighbours are events", () => {
  for (const pack of [gzipSync, zstdCompressSync]) {
    const bomb = pack(Buffer.alloc(1_001, " "));
    const batch = readBatch([recordOf(lineOf("a")), recordOf(bomb), recordOf(lineOf("b"))], LIMITS);
    expect([idsOf(batch), batch.recordOf, batch.readTo]).toEqual([["a", "b"], [0, 2], 3]);
    expect(batch.poison).toEqual([
      { record: 1, code: "undecodable_record", reason: expect.stringContaining("more than 1000 bytes"), bytes: bomb },
    ]);
  }
});

test("a record of countless lines that are no events is kept once, and its events are events", () => {
  const data = gzipSync(`${lineOf("a")}\n${"1\n".repeat(11)}${lineOf("b")}\n`);
  const batch = readBatch([recordOf(data)], LIMITS);
  expect(idsOf(batch)).toEqual(["a", "b"]);
  expect(batch.poison).toMatchObject([{ code: "undecodable_record", bytes: data }]);
});

test("what would be too much at a time is not read, but for the first record", () => {
  const sizes = (...bytes: number[]) =>
    readBatch(
      bytes.map((size, n) => recordOf(lineOf(`${n}`, size))),
      LIMITS,
    );
  expect(sizes(900, 900, 900, 1).readTo).toBe(2);
  expect(sizes(9_000, 1).readTo).toBe(1);
});
