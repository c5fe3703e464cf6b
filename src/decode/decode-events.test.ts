import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEvents } from "./decode-events.ts";

const lines = fc.array(fc.jsonValue().map((value) => JSON.stringify(value)));

test("lines come out as they went in, plain or compressed, in one piece or several", () => {
  const packings: ((text: string) => Buffer)[] = [
    (text) => Buffer.from(text),
    (text) => gzipSync(text),
    (text) => zstdCompressSync(text),
  ];
  fc.assert(
    fc.property(lines, lines, fc.constantFrom(...packings), fc.constantFrom("", "\n"), (some, more, pack, lastEnd) => {
      const text = (list: readonly string[], end: string) => (list.length === 0 ? "" : list.join("\n") + end);
      // Members of gzip and frames of zstd may follow one another, as they do in files.
      const data = Buffer.concat([pack(text(some, "\n")), pack(text(more, lastEnd))]);
      expect(decodeEvents(data).map(String)).toEqual([...some, ...more]);
    }),
  );
});

test("compressed data that is damaged or cut short is an error, not fewer events", () => {
  for (const packed of [gzipSync('{"n":1}\n'.repeat(50)), zstdCompressSync('{"n":1}\n'.repeat(50))]) {
    expect(() => decodeEvents(packed.subarray(0, -6))).toThrow(/end of file|truncat|incomplete/i);
  }
});
