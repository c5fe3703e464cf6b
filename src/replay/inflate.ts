import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * What a stream holds, inflated when it begins as gzip or zstd does: names can be changed and headers
 * lost, and no JSON begins like that. Members and frames that follow one another are one stream.
 */
export async function* inflated(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < ZSTD_MAGIC.length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const all = (async function* (): AsyncGenerator<Buffer> {
    try {
      yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
  const inflater = startsWith(head, GZIP_MAGIC)
    ? createGunzip()
    : startsWith(head, ZSTD_MAGIC)
      ? createZstdDecompress()
      : undefined;
  if (inflater === undefined) {
    yield* all;
    return;
  }
  const source = Readable.from(all);
  source.on("error", (error) => inflater.destroy(error));
  source.pipe(inflater);
  try {
    const inflating: AsyncIterable<Buffer> = inflater;
    yield* inflating;
  } finally {
    source.destroy();
    inflater.destroy();
  }
}

function startsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}
