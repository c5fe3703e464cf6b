import { z } from "zod";
import { arnRegion } from "../../aws/arn.ts";
import { endpointField, regionField } from "../../aws/config-fields.ts";
import { byteSize, sinkFields } from "../../core/config-fields.ts";
import {
  DEFAULT_MAX_RECORD_BYTES,
  MAX_CALL_BYTES,
  MAX_RECORD_BYTES,
  MAX_RECORDS_PER_CALL,
  PUT_UNIT_BYTES,
} from "./service-limits.ts";

const STREAM = /^([a-zA-Z0-9_.-]{1,128}|arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream\/[a-zA-Z0-9_.-]{1,128})$/;
const PARTITION_KEY = /^(id|random|(\/([^~/]|~[01])*)+)$/;

/** Buckets and calls of 500 records leave packing enough room only below this. */
const MAX_BUCKETS = 256;

/** Below this, packing could not keep a call of 10 MiB within 500 records. */
const MIN_RECORD_LIMIT_BYTES = 128 * 1024;

const batch = z
  .strictObject({
    maxEvents: z
      .int()
      .min(1)
      .max(50_000)
      .optional()
      .describe("Most events in one PutRecords call. Default: 500 with format `none` (also the most), else 10,000."),
    maxBytes: byteSize({ min: 1024, max: MAX_CALL_BYTES })
      .prefault("5MiB")
      .describe(
        "Most bytes of data and partition keys in one PutRecords call, before compression. A larger event is dead-lettered.",
      ),
    maxAgeMs: z.int().min(1).max(900_000).default(1_000).describe("Longest wait for a partial batch, in milliseconds."),
  })
  .prefault({});

const fields = z.strictObject({
  ...sinkFields,
  type: z.literal("kinesis"),
  stream: z
    .string()
    .regex(STREAM, "the name of a stream (letters, digits, `_`, `.` and `-`), or its ARN")
    .describe("Name or ARN of the stream."),
  region: regionField
    .optional()
    .describe("AWS region of the stream. Needed unless `stream` is an ARN, which tells it."),
  endpoint: endpointField
    .optional()
    .describe("URL of an emulator or a VPC endpoint. Default: the region's public endpoint."),
  format: z
    .enum(["none", "kpl", "ndjson"])
    .default("none")
    .describe(
      "`none`: an event a record. `kpl`: many in a record, as the Kinesis Producer Library aggregates them. `ndjson`: many in a record, one a line.",
    ),
  compression: z
    .enum(["none", "gzip", "zstd"])
    .default("none")
    .describe("How each record is compressed; only with format `ndjson`."),
  partitionKey: z
    .string()
    .regex(PARTITION_KEY, "`id`, `random`, or a JSON Pointer such as /data/userId")
    .default("id")
    .describe(
      "`id`: the event's id. `random`: spread evenly. A JSON Pointer: the value there, so that equal values keep their order; events without one go by their id.",
    ),
  buckets: z
    .int()
    .min(1)
    .max(MAX_BUCKETS)
    .default(64)
    .describe(
      "With `kpl` and `ndjson` and a JSON Pointer: how many groups the values are hashed into. A record holds events of one group, whose number is its partition key. Use several times the number of shards.",
    ),
  recordBytes: byteSize({ min: 1024, max: 1024 * 1024 })
    .optional()
    .describe(
      "With `kpl` and `ndjson`: the size up to which a record is filled, before compression; more if a call would need over 500 records. Default: 25KiB, one billed PUT unit; 128KiB with compression, which makes about one unit.",
    ),
  maxRecordBytes: byteSize({ min: MIN_RECORD_LIMIT_BYTES, max: MAX_RECORD_BYTES })
    .prefault(DEFAULT_MAX_RECORD_BYTES)
    .describe(
      "The stream's MaxRecordSizeInKiB, in bytes. An event that does not fit in a record of this size is dead-lettered.",
    ),
  batch: batch.describe("When a batch is closed and sent."),
});

export const kinesisConfig = fields
  .refine((sink) => sink.compression === "none" || sink.format === "ndjson", {
    path: ["compression"],
    error: "only format `ndjson` can be compressed: consumers of `none` and `kpl` expect plain events",
  })
  .refine((sink) => sink.region !== undefined || arnRegion(sink.stream) !== undefined, {
    path: ["region"],
    error: "needed unless `stream` is an ARN",
  })
  .refine((sink) => sink.region === undefined || sink.region === (arnRegion(sink.stream) ?? sink.region), {
    path: ["region"],
    error: "is not the region in the ARN of `stream`; leave it out",
  })
  .refine((sink) => sink.format !== "none" || (sink.batch.maxEvents ?? 0) <= MAX_RECORDS_PER_CALL, {
    path: ["batch", "maxEvents"],
    error: "at most 500 with format `none`: each event is a record, and PutRecords takes 500",
  })
  .refine((sink) => sink.recordBytes === undefined || sink.format !== "none", {
    path: ["recordBytes"],
    error: "has no meaning with format `none`: each event is a record",
  })
  .refine((sink) => (sink.recordBytes ?? 0) <= sink.maxRecordBytes, {
    path: ["recordBytes"],
    error: "must not exceed maxRecordBytes",
  });

export type KinesisConfig = z.infer<typeof kinesisConfig>;

/** The part of the configuration that decides how events become records. */
export type RecordSettings = Pick<
  KinesisConfig,
  "format" | "compression" | "partitionKey" | "buckets" | "recordBytes" | "maxRecordBytes" | "batch"
>;

/** Up to this many bytes of content a record is filled, before compression. */
export function recordTargetBytes(settings: Pick<RecordSettings, "recordBytes" | "compression">): number {
  return settings.recordBytes ?? (settings.compression === "none" ? PUT_UNIT_BYTES : 128 * 1024);
}
