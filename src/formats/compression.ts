import { promisify } from "node:util";
import { constants, gzip, type ZlibOptions, zstdCompress, type ZstdOptions } from "node:zlib";
import { z } from "zod";

/** How NDJSON is compressed. A type of its own, since the name of a file tells it too. */
export const compression = z.enum(["none", "gzip", "zstd"]);

export type Compression = z.infer<typeof compression>;

/** What a file's name ends with. */
export const COMPRESSION_ENDINGS: Readonly<Record<Compression, string>> = { none: "", gzip: ".gz", zstd: ".zst" };

/**
 * Measured on 2,000 events of 290 bytes: gzip level 6 costs 60 % more CPU than level 1 for 8 % fewer
 * bytes; zstd level 1 beats level 3 in both.
 */
export const GZIP_OPTIONS: ZlibOptions = { level: 1 };

export const ZSTD_OPTIONS: ZstdOptions = {
  params: {
    [constants.ZSTD_c_compressionLevel]: 1,
    // Without a checksum, a damaged frame could not be told from a sound one.
    [constants.ZSTD_c_checksumFlag]: 1,
  },
};

const gzipped = promisify<Buffer, ZlibOptions, Buffer>(gzip);
const zstd = promisify<Buffer, ZstdOptions, Buffer>(zstdCompress);

/** Compresses in the thread pool of the process. */
export async function compress(bytes: Buffer, kind: Compression): Promise<Buffer> {
  switch (kind) {
    case "none":
      return bytes;
    case "gzip":
      return gzipped(bytes, GZIP_OPTIONS);
    case "zstd":
      return zstd(bytes, ZSTD_OPTIONS);
  }
}
