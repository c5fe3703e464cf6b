import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { inflate } from "./inflate.ts";

test("little data that would become much is an error, before it is in memory", () => {
  for (const packed of [gzipSync(Buffer.alloc(1_001)), zstdCompressSync(Buffer.alloc(1_001))]) {
    expect(inflate(packed, 1_001)).toHaveLength(1_001);
    expect(() => inflate(packed, 1_000)).toThrow(/more than 1000/);
  }
});
