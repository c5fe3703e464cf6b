import * as fc from "fast-check";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { inflated } from "./inflate.ts";
import { linesOf } from "./lines.ts";

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("lines come whole, with number and offset, however the stream is cut and compressed", async () => {
  const line = fc.stringMatching(/^[^\n]{0,20}$/);
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(
        (part: Buffer) => part,
        (part: Buffer) => gzipSync(part),
        (part: Buffer) => zstdCompressSync(part),
      ),
      async (lines, chunkBytes, compress) => {
        const text = Buffer.from(lines.map((one) => `${one}\n`).join(""));
        // As a file sink does: a member or frame to a batch.
        const half = text.indexOf("\n") + 1;
        const stored = Buffer.concat([compress(text.subarray(0, half)), compress(text.subarray(half))]);
        const found = [];
        for await (const some of linesOf(inflated(inChunks(stored, chunkBytes)))) found.push(...some);
        expect(found.map(({ bytes }) => bytes.toString())).toEqual(lines);
        expect(found.map(({ number }) => number)).toEqual(lines.map((_, at) => at + 1));
        for (const { offset, bytes } of found)
          expect(text.subarray(offset, offset + bytes.length).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("a last line without an end is told as such", async () => {
  const found = [];
  for await (const some of linesOf(inChunks(Buffer.from("one\ntw"), 3))) found.push(...some);
  expect(found.map(({ bytes, isWhole }) => [bytes.toString(), isWhole])).toEqual([
    ["one", true],
    ["tw", false],
  ]);
});

test("a stream that ends before its compression does is an error, after what could be read", async () => {
  const cut = gzipSync(Buffer.from("a\nb\n")).subarray(0, -4);
  const read = async () => {
    for await (const _ of linesOf(inflated(inChunks(cut, 8)))) {
      // Only its end matters.
    }
  };
  await expect(read()).rejects.toThrow("unexpected end of file");
});
