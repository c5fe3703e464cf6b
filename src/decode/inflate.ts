import { gunzipSync, zstdDecompressSync } from "node:zlib";

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Most bytes that come out unless told otherwise, several times what any sink puts in one file. */
export const MAX_INFLATED_BYTES = 1024 ** 3;

/**
 * Inflates what begins as gzip or zstd do, also when members or frames follow one another;
 * everything else is handed back. Throws on damaged data, and on more than `maxBytes`.
 */
export function inflate(data: Buffer, maxBytes = MAX_INFLATED_BYTES): Buffer {
  const options = { maxOutputLength: maxBytes };
  try {
    if (data.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) return gunzipSync(data, options);
    if (data.subarray(0, ZSTD_MAGIC.length).equals(ZSTD_MAGIC)) return zstdDecompressSync(data, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`more than ${maxBytes} bytes come out of it`, { cause: error });
  }
  return data;
}
