import { z } from "zod";
import { endpointField, regionField } from "../../aws/config-fields.ts";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";

/**
 * What PutRecordBatch takes (https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html):
 * 500 records, each of 1,000 KiB before base64, and 4 MiB in all.
 */
export const MAX_RECORDS_PER_CALL = 500;
export const MAX_RECORD_BYTES = 1_000 * 1024;
export const MAX_CALL_BYTES = 4 * 1024 * 1024;

/** The documentation leaves open whether base64 counts, which makes 4 bytes of 3: this much is taken in any case. */
export const SAFE_CALL_BYTES = (MAX_CALL_BYTES / 4) * 3;

/** Header and trailer of gzip, generously; for growth with size see `lineBytes`. */
export const GZIP_OVERHEAD_BYTES = 64;

export const firehoseConfig = z.strictObject({
  ...sinkFields,
  type: z.literal("firehose"),
  stream: z
    .string()
    .regex(/^[a-zA-Z0-9_.-]{1,64}$/, "the name of a Firehose stream (letters, digits, `_`, `.` and `-`)")
    .describe("Name of the Firehose stream, whose source must be Direct PUT."),
  region: regionField.describe("AWS region of the Firehose stream."),
  endpoint: endpointField
    .optional()
    .describe("URL of an emulator or a VPC endpoint. Default: the region's public endpoint."),
  compression: z
    .enum(["none", "gzip"])
    .default("none")
    .describe(
      "How each record is compressed. Firehose hands on what it gets: with `gzip` leave its own compression, format conversion and partitioning off.",
    ),
  recordBytes: byteSize({ min: 5 * 1024, max: MAX_RECORD_BYTES })
    .prefault("250KiB")
    .describe(
      "Size up to which a record is filled with lines, before compression. Firehose bills each record in steps of 5 KiB, so that large ones waste least; a record that fails is sent again whole.",
    ),
  batch: batchField({
    maxEvents: 10_000,
    maxEventsCap: 50_000,
    maxBytes: SAFE_CALL_BYTES,
    maxBytesCap: MAX_CALL_BYTES,
    maxAgeMs: 1_000,
  }).describe("When a batch is closed and sent."),
});

export type FirehoseConfig = z.infer<typeof firehoseConfig>;
