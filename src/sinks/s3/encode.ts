import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import type { Batch } from "../../core/sink.ts";
import {
  type Compression,
  compression,
  COMPRESSION_ENDINGS,
  GZIP_OPTIONS,
  ZSTD_OPTIONS,
} from "../../formats/compression.ts";
import { encodeNdjson, ndjsonBytes } from "../../formats/ndjson.ts";
import { parquetCompression, type ParquetCompression, type TypedColumn } from "../../formats/parquet/config.ts";
import { ParquetEncoder } from "../../formats/parquet/parquet-encoder.ts";
import type { S3Config } from "./config.ts";

/** How events become the bytes of an object. */
export interface ObjectEncoder {
  /** What keys end with, without the dot. */
  readonly ext: string;
  readonly contentType: string;
  /** Rejects when the signal is aborted. */
  encode(events: Batch, signal: AbortSignal): Promise<Buffer>;
  close(): Promise<void>;
}

export function createEncoder(config: Pick<S3Config, "format" | "compression" | "columns">): ObjectEncoder {
  switch (config.format) {
    case "ndjson":
      return new NdjsonEncoder(compression.parse(config.compression ?? "gzip"));
    case "parquet":
      return new ParquetObjects(parquetCompression.parse(config.compression ?? "zstd"), config.columns);
  }
}

/**
 * The media types are those of the files, and no Content-Encoding is set: with one, browsers and
 * some HTTP clients inflate what they fetch, and files named `.gz` would not be gzip.
 */
const CONTENT_TYPES: Readonly<Record<Compression, string>> = {
  none: "application/x-ndjson",
  gzip: "application/gzip",
  zstd: "application/zstd",
};

/** Lines are copied this much at a time, so that requests are served in between. */
const SLICE_BYTES = 512 * 1024;

/** Of compressed output. The default makes hundreds of buffers of an object. */
const CHUNK_BYTES = 256 * 1024;

/** Lines, compressed as one stream: not every reader goes on behind the first of several. */
class NdjsonEncoder implements ObjectEncoder {
  readonly ext: string;
  readonly contentType: string;
  readonly #compression: Compression;

  constructor(kind: Compression) {
    this.#compression = kind;
    this.ext = `ndjson${COMPRESSION_ENDINGS[kind]}`;
    this.contentType = CONTENT_TYPES[kind];
  }

  async encode(events: Batch, signal: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const collect = async (output: AsyncIterable<Buffer>) => {
      for await (const chunk of output) chunks.push(chunk);
    };
    const lines = Readable.from(slices(events), { objectMode: false, highWaterMark: SLICE_BYTES });
    switch (this.#compression) {
      case "none":
        await pipeline(lines, collect, { signal });
        break;
      case "gzip":
        await pipeline(lines, createGzip({ ...GZIP_OPTIONS, chunkSize: CHUNK_BYTES }), collect, { signal });
        break;
      case "zstd":
        await pipeline(lines, createZstdCompress({ ...ZSTD_OPTIONS, chunkSize: CHUNK_BYTES }), collect, { signal });
        break;
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Files of columns, each encoded in a thread of the encoder's. */
class ParquetObjects implements ObjectEncoder {
  readonly ext = "parquet";
  // Registered with IANA in 2024: https://www.iana.org/assignments/media-types/application/vnd.apache.parquet
  readonly contentType = "application/vnd.apache.parquet";
  readonly #encoder: ParquetEncoder;

  constructor(kind: ParquetCompression, columns: readonly TypedColumn[]) {
    this.#encoder = new ParquetEncoder({ compression: kind, columns });
  }

  encode(events: Batch, signal: AbortSignal): Promise<Buffer> {
    return this.#encoder.encode(events, signal);
  }

  close(): Promise<void> {
    return this.#encoder.close();
  }
}

async function* slices(events: Batch): AsyncGenerator<Buffer> {
  let from = 0;
  let bytes = 0;
  for (const [index, event] of events.entries()) {
    const size = ndjsonBytes(event);
    if (bytes > 0 && bytes + size > SLICE_BYTES) {
      yield encodeNdjson(events.slice(from, index));
      await new Promise(setImmediate);
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  yield encodeNdjson(events.slice(from));
}
