import { z } from "zod";
import { byteSize, sinkFields } from "../../core/config-fields.ts";
import type { BatchLimits } from "../../core/sink.ts";
import { type Compression, compression } from "../../formats/compression.ts";
import { type ParquetCompression, parquetCompression, typedColumns } from "../../formats/parquet/config.ts";

const MIB = 1024 ** 2;

const DEFAULT_FILE_BYTES = 64 * MIB;
const DEFAULT_FILE_AGE_MS = 60_000;

/** A Parquet file cannot be appended to, so that a batch is a file: small ones would be many and read slowly. */
const BATCH_DEFAULTS = {
  ndjson: { maxEvents: 10_000, maxBytes: 4 * MIB, maxAgeMs: 1_000 },
  parquet: { maxEvents: 100_000, maxBytes: 32 * MIB, maxAgeMs: 60_000 },
} as const;

const batch = z
  .strictObject({
    maxEvents: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .describe("Most events in one batch. Default: 10000; with format `parquet` 100000."),
    maxBytes: byteSize({ min: 1024, max: 64 * MIB })
      .optional()
      .describe(
        "Most bytes in one batch, before compression. A larger event is dead-lettered. Default: 4MiB; with format `parquet` 32MiB.",
      ),
    maxAgeMs: z
      .int()
      .min(1)
      .max(900_000)
      .optional()
      .describe(
        "Longest wait for a partial batch, in milliseconds. Default: 1000; with format `parquet` 60000, which `?ack=delivered` waits for too.",
      ),
  })
  .prefault({});

export const fileConfig = z
  .strictObject({
    ...sinkFields,
    type: z.literal("file"),
    dir: z
      .string()
      .min(1)
      .describe("Directory for the files, made if missing. Give each sink its own; nodes may share one."),
    format: z
      .enum(["ndjson", "parquet"])
      .default("ndjson")
      .describe(
        "What a file holds. `ndjson`: one event a line, as CloudEvents JSON. `parquet`: columns, for query engines; each batch is a file.",
      ),
    compression: z
      .enum(["none", "gzip", "zstd", "snappy"])
      .optional()
      .describe(
        "Each batch is compressed by itself, so larger batches (batch.maxAgeMs) compress better. `snappy` only with format `parquet`. Default: `none`; with format `parquet` `zstd`.",
      ),
    columns: typedColumns,
    fileBytes: byteSize({ min: 1024, max: 16 * 1024 * MIB })
      .optional()
      .describe(
        "Only with format `ndjson`: a file is finished before it would grow larger. Only a single batch may exceed it. Default: 64MiB.",
      ),
    fileAgeMs: z
      .int()
      .min(100)
      .max(86_400_000)
      .optional()
      .describe(
        "Only with format `ndjson`: a file is finished this long after its first event, in milliseconds. Until then its name is hidden. Default: 60000.",
      ),
    sync: z
      .boolean()
      .default(true)
      .describe(
        "Whether each batch is on the disk before it counts as delivered. Without it a loss of power may lose " +
          "delivered events, also those acknowledged as durable: the journal lets go of what was delivered.",
      ),
    retention: z
      .strictObject({
        maxAgeMs: z
          .int()
          .min(0)
          .default(0)
          .describe("Delete files whose hour ended longer ago than this, in milliseconds. 0: keep them for ever."),
        maxBytes: byteSize({ min: 0 })
          .prefault(0)
          .describe("Delete the oldest files while all finished ones together are larger. 0: no limit."),
      })
      .prefault({})
      .describe("When this node deletes the files it wrote. Other files in the directory are never touched."),
    batch: batch.describe("When a batch is written."),
  })
  .refine(({ format, compression: chosen }) => format === "parquet" || chosen !== "snappy", {
    error: "snappy is for format `parquet` only: no common tool reads NDJSON in it",
    path: ["compression"],
  })
  .refine(({ format, columns }) => format === "parquet" || columns.length === 0, {
    error: "only files of format `parquet` have columns",
    path: ["columns"],
  })
  .refine(({ format, fileBytes }) => format === "ndjson" || fileBytes === undefined, {
    error: "has no meaning with format `parquet`: each batch is a file; set batch.maxBytes",
    path: ["fileBytes"],
  })
  .refine(({ format, fileAgeMs }) => format === "ndjson" || fileAgeMs === undefined, {
    error: "has no meaning with format `parquet`: each batch is a file; set batch.maxAgeMs",
    path: ["fileAgeMs"],
  })
  .refine((sink) => sink.retention.maxBytes === 0 || sink.retention.maxBytes >= largestFileBytes(sink), {
    error:
      "must not be less than fileBytes (batch.maxBytes with format `parquet`), or each file would be deleted as soon as it is finished",
    path: ["retention", "maxBytes"],
  });

export type FileSinkConfig = z.infer<typeof fileConfig>;

/** What decides how the files of NDJSON are written. */
export interface NdjsonFileSettings {
  readonly dir: string;
  readonly compression: Compression;
  readonly fileBytes: number;
  readonly fileAgeMs: number;
  readonly sync: boolean;
}

export function ndjsonSettings(config: FileSinkConfig): NdjsonFileSettings {
  const { dir, sync, fileBytes = DEFAULT_FILE_BYTES, fileAgeMs = DEFAULT_FILE_AGE_MS } = config;
  return { dir, sync, fileBytes, fileAgeMs, compression: compression.parse(config.compression ?? "none") };
}

export function parquetCompressionOf(config: Pick<FileSinkConfig, "compression">): ParquetCompression {
  return parquetCompression.parse(config.compression ?? "zstd");
}

interface BatchSettings {
  readonly format: "ndjson" | "parquet";
  readonly batch: z.infer<typeof batch>;
}

/** The batch limits with the defaults of the format. */
export function batchLimits({ format, batch: chosen }: BatchSettings): BatchLimits {
  const defaults = BATCH_DEFAULTS[format];
  const maxBytes = chosen.maxBytes ?? defaults.maxBytes;
  return {
    maxEvents: chosen.maxEvents ?? defaults.maxEvents,
    maxBytes,
    maxEventBytes: maxBytes,
    maxAgeMs: chosen.maxAgeMs ?? defaults.maxAgeMs,
  };
}

function largestFileBytes(config: BatchSettings & { readonly fileBytes?: number | undefined }): number {
  return config.format === "parquet" ? batchLimits(config).maxBytes : (config.fileBytes ?? DEFAULT_FILE_BYTES);
}
