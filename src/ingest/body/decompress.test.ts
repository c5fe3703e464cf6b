import * as fc from "fast-check";
import { randomBytes } from "node:crypto";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import type { RefusedBody, TakenBody } from "./body-result.ts";
import { decompress, type InflateLimits } from "./decompress.ts";
import { PendingBytes } from "./pending-bytes.ts";

const LIMITS: InflateLimits = { maxBytes: 4 * 1024 ** 2, maxRatio: 100 };

type Compress = (data: Uint8Array) => Buffer;
const CODECS: readonly (readonly [string, string, Compress])[] = [
  ["gzip", "gzip", gzipSync],
  ["x-gzip", "X-Gzip", gzipSync],
  ["deflate", "deflate", deflateSync],
  ["deflate without its zlib frame", "deflate", deflateRawSync],
  ["br", "br", brotliCompressSync],
  ["zstd", "identity, zstd", zstdCompressSync],
];

const SMALL = Buffer.from('{"type":"a"}\n'.repeat(500));
/** Takes more than 16 KiB in any encoding, so that it goes through the thread pool. */
const LARGE = Buffer.concat([randomBytes(40_000), SMALL]);

/** Decompresses and checks that exactly the result is reserved afterwards. */
async function run(
  body: Buffer,
  encoding: string | undefined,
  limits = LIMITS,
  pending = new PendingBytes(1e9),
): Promise<TakenBody | RefusedBody> {
  const before = pending.held;
  expect(pending.reserve(body.length)).toBe(true);
  const result = await decompress(body, encoding, limits, pending);
  expect(pending.held - before).toBe(result.kind === "body" ? result.body.length : 0);
  return result;
}

async function codeOf(body: Buffer, encoding: string, limits = LIMITS, pending?: PendingBytes): Promise<string> {
  const result = await run(body, encoding, limits, pending);
  return result.kind === "refused" ? result.code : result.kind;
}

test.each(CODECS)("%s is undone, in place and in the pool", async (_, encoding, compress) => {
  expect(compress(LARGE).length).toBeGreaterThan(16 * 1024);
  expect(await run(compress(SMALL), encoding)).toEqual({ kind: "body", body: SMALL });
  expect(await run(compress(LARGE), encoding)).toEqual({ kind: "body", body: LARGE });
});

test("a body without an encoding is passed on as it is", async () => {
  expect(await run(SMALL, undefined)).toEqual({ kind: "body", body: SMALL });
  expect(await run(SMALL, "identity")).toEqual({ kind: "body", body: SMALL });
  expect(await run(Buffer.alloc(0), "gzip")).toEqual({ kind: "body", body: Buffer.alloc(0) });
});

test("a gzip stream may have several members, and a zstd stream several frames", async () => {
  const twice = { kind: "body", body: Buffer.concat([SMALL, SMALL]) };
  expect(await run(Buffer.concat([gzipSync(SMALL), gzipSync(SMALL)]), "gzip")).toEqual(twice);
  expect(await run(Buffer.concat([zstdCompressSync(SMALL), zstdCompressSync(SMALL)]), "zstd")).toEqual(twice);
});

test.each(CODECS)("%s: what is cut off, followed by something or damaged is refused", async (_, encoding, compress) => {
  for (const whole of [compress(SMALL), compress(LARGE)]) {
    expect(await codeOf(whole.subarray(0, -1), encoding)).toBe("encoding_invalid");
    expect(await codeOf(whole.subarray(0, whole.length >> 1), encoding)).toBe("encoding_invalid");
    expect(await codeOf(Buffer.concat([whole, Buffer.from("garbage")]), encoding)).toBe("encoding_invalid");
  }
});

test("JSON that is not compressed at all is recognised", async () => {
  const result = await run(SMALL, "gzip");
  expect(result).toMatchObject({
    code: "encoding_invalid",
    detail: expect.stringContaining("looks like JSON") as unknown,
  });
});

test("an unknown encoding and a stack of encodings are refused with what is supported", async () => {
  for (const encoding of ["compress", "gzip, gzip", "br,gzip"]) {
    const result = await run(gzipSync(gzipSync(SMALL)), encoding);
    expect(result).toMatchObject({
      code: "encoding_unsupported",
      detail: expect.stringContaining("gzip, deflate, br, zstd") as unknown,
    });
  }
});

test.each(CODECS)("%s: no more than maxBytes comes out", async (_, encoding, compress) => {
  for (const data of [SMALL, LARGE]) {
    expect(await codeOf(compress(data), encoding, { maxBytes: data.length, maxRatio: 100 })).toBe("body");
    expect(await codeOf(compress(data), encoding, { maxBytes: data.length - 1, maxRatio: 100 })).toBe("body_too_large");
  }
});

test.each(CODECS)("%s: beyond 1 MiB no more than maxRatio times the body comes out", async (_, encoding, compress) => {
  expect(await codeOf(compress(Buffer.alloc(1024 ** 2)), encoding)).toBe("body");
  expect(await codeOf(compress(Buffer.alloc(1024 ** 2 + 1)), encoding)).toBe("inflate_ratio_exceeded");
  const pooled = compress(Buffer.concat([LARGE, Buffer.alloc(1024 ** 2)]));
  expect(await codeOf(pooled, encoding, { ...LIMITS, maxRatio: 2 })).toBe("inflate_ratio_exceeded");
});

test("what does not fit in the memory budget is refused", async () => {
  for (const data of [SMALL, LARGE]) {
    const compressed = gzipSync(data);
    const pending = new PendingBytes(compressed.length + 1_000);
    pending.reserve(1_000);
    expect(await codeOf(compressed, "gzip", LIMITS, pending)).toBe("overloaded");
  }
});

test("a zstd frame of a few bytes cannot claim 2 GiB of window", async () => {
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  const windowLog31 = (31 - 10) << 3;
  const emptyLastBlock = [1, 0, 0];
  expect(await codeOf(Buffer.from([...magic, 0, windowLog31, ...emptyLastBlock]), "zstd")).toBe("encoding_invalid");
});

test("any bytes in any encoding give one of the results", async () => {
  const codec = fc.constantFrom(...CODECS);
  const flipped = fc
    .tuple(codec, fc.uint8Array(), fc.nat(), fc.nat(255))
    .map(([[, encoding, compress], data, at, byte]) => {
      const bytes = Buffer.from(compress(data));
      bytes[at % bytes.length] = byte;
      return { encoding, bytes };
    });
  const junk = fc.record({
    encoding: fc.oneof(fc.string(), fc.constantFrom("gzip", "deflate", "br", "zstd", ",", "identity,")),
    bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(flipped, junk), async ({ encoding, bytes }) => {
      expect(["body", "refused"]).toContain((await run(bytes, encoding)).kind);
    }),
    { numRuns: 500 },
  );
});
