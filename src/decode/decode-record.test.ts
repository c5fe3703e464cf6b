import { hash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { decodeRecord } from "./decode-record.ts";

/** Two records, "hello" under key "a" and "" under key "b", as the KPL's format description has it. */
const MESSAGE = Buffer.from("0a01610a01621a0908001a0568656c6c6f1a0408011a00", "hex");

function aggregateOf(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), message, hash("md5", message, "buffer")]);
}

function textsIn(...record: Parameters<typeof decodeRecord>): string[] {
  return decodeRecord(...record).map(({ partitionKey, data }) => `${partitionKey}:${data.toString()}`);
}

test("a plain record is its event", () => {
  expect(textsIn(Buffer.from("{}"), "k", "none")).toEqual(["k:{}"]);
});

test("an aggregate gives its events with their own keys", () => {
  expect(textsIn(aggregateOf(MESSAGE), "outer", "kpl")).toEqual(["a:hello", "b:"]);
});

test("a damaged aggregate is an error, not fewer events", () => {
  const aggregate = aggregateOf(MESSAGE);
  const damaged = Buffer.from(aggregate);
  damaged[12] = 0x7f;
  expect(() => decodeRecord(damaged, "k", "kpl")).toThrow("MD5");
  expect(() => decodeRecord(Buffer.from("{}"), "k", "kpl")).toThrow("magic");
  expect(() => decodeRecord(aggregateOf(MESSAGE.subarray(0, -4)), "k", "kpl")).toThrow("cut short");
});

test("lines are read plain, gzipped and zstd-compressed, and must be whole", () => {
  const lines = Buffer.from('{"n":1}\n{"n":2}\n');
  for (const data of [lines, gzipSync(lines), zstdCompressSync(lines)]) {
    expect(textsIn(data, "k", "ndjson")).toEqual(['k:{"n":1}', 'k:{"n":2}']);
  }
  expect(() => decodeRecord(lines.subarray(0, -1), "k", "ndjson")).toThrow("no end");
});
