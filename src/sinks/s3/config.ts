import { z } from "zod";
import { endpointField, regionField } from "../../aws/config-fields.ts";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";
import { typedColumns } from "../../formats/parquet/config.ts";
import { DEFAULT_KEY, keyProblem } from "./object-key.ts";
import { retention } from "./retention-config.ts";
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_TAGS, MIN_PART_BYTES } from "./service-limits.ts";

const MIB = 1024 ** 2;

const encryption = z
  .strictObject({
    mode: z
      .enum(["default", "AES256", "aws:kms"])
      .default("default")
      .describe("`default`: as the bucket is set. `AES256`: with keys of S3. `aws:kms`: with a key of KMS."),
    kmsKeyId: z
      .string()
      .min(1)
      .max(2048)
      .optional()
      .describe("Id, alias or ARN of the KMS key; only with `aws:kms`. Default: the account's key for S3."),
    bucketKey: z
      .boolean()
      .default(true)
      .describe("With `aws:kms`: one data key for many objects, which makes far fewer calls to KMS."),
  })
  .refine(({ mode, kmsKeyId }) => kmsKeyId === undefined || mode === "aws:kms", {
    path: ["kmsKeyId"],
    error: "only mode `aws:kms` has a key",
  })
  .prefault({});

const objectLock = z
  .strictObject({
    mode: z
      .enum(["GOVERNANCE", "COMPLIANCE"])
      .optional()
      .describe(
        "`GOVERNANCE`: who may bypass it can delete an object early. `COMPLIANCE`: nobody can, not even the account's root user.",
      ),
    retainDays: z
      .int()
      .min(1)
      .max(36_500)
      .optional()
      .describe("How long an object can be neither deleted nor overwritten, in days from when it is written."),
    legalHold: z
      .boolean()
      .default(false)
      .describe("Put a legal hold on each object, which lasts until somebody takes it off."),
  })
  .refine((lock) => (lock.mode === undefined) === (lock.retainDays === undefined), {
    error: "mode and retainDays go together",
  })
  .refine((lock) => lock.mode !== undefined || lock.legalHold, { error: "give mode and retainDays, or legalHold" });

export const s3Config = z
  .strictObject({
    ...sinkFields,
    maxInFlight: z
      .int()
      .min(1)
      .max(2)
      .default(1)
      .describe("Objects are stored one after the other. 2: the next one is encoded meanwhile, for twice the memory."),
    timeoutMs: z
      .int()
      .min(1_000)
      .max(3_600_000)
      .default(120_000)
      .describe("Longest wait for one batch to be stored before it counts as failed and is retried, in milliseconds."),
    type: z.literal("s3"),
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of an S3 bucket")
      .describe("Name of the bucket."),
    region: regionField.describe("AWS region of the bucket."),
    endpoint: endpointField
      .optional()
      .describe("Instead of AWS: another S3 service, or a VPC endpoint. The bucket is then part of the path."),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9!_.*'()=/-]{0,256}$/, "letters, digits, / and !_.*'()=-")
      .regex(/^(?!\/)/, "does not begin with /")
      .default("")
      .transform((prefix) => (prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`))
      .describe(
        "Folder in the bucket; `/` is added at its end. Give each sink of a bucket its own: `retention` goes by it.",
      ),
    key: z
      .string()
      .default(DEFAULT_KEY)
      .describe(
        "Template of an object's key. Placeholders: {prefix} {sink} {date} {year} {month} {day} {hour} {node} {slot} {position} {hash} {ext}. " +
          "A batch that goes over the end of what shows of the time becomes several objects.",
      ),
    format: z
      .enum(["ndjson", "parquet"])
      .default("ndjson")
      .describe(
        "What an object holds. `ndjson`: one event a line, as CloudEvents JSON. `parquet`: columns, for query engines.",
      ),
    compression: z
      .enum(["none", "gzip", "zstd", "snappy"])
      .optional()
      .describe(
        "How each object is compressed. `snappy` only with format `parquet`. Default: `gzip`; with format `parquet` `zstd`.",
      ),
    columns: typedColumns,
    checksum: z
      .enum(["crc32", "sha256", "none"])
      .default("crc32")
      .describe(
        "Checksum that is sent along, which S3 compares and keeps. `none`: for services that refuse the header.",
      ),
    conditionalWrites: z
      .boolean()
      .default(true)
      .describe(
        "Send `If-None-Match: *`, so that no object is ever overwritten and a batch that was stored is not stored again. " +
          "false: for services that do not honour it; repeated batches then become objects of their own.",
      ),
    multipart: z
      .strictObject({
        partBytes: byteSize({ min: MIN_PART_BYTES, max: MAX_BATCH_BYTES })
          .prefault(16 * MIB)
          .describe("An object larger than this is uploaded in parts of this size."),
        maxParallel: z.int().min(1).max(16).default(4).describe("Parts uploaded at the same time."),
      })
      .prefault({})
      .describe("How large objects are uploaded."),
    storageClass: z
      .enum(["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"])
      .optional()
      .describe("Storage class of the objects. Default: the service's, STANDARD."),
    encryption: encryption.describe("Encryption at rest."),
    objectLock: objectLock
      .optional()
      .describe("Protects each object from being deleted or overwritten. The bucket needs Object Lock."),
    tags: z
      .record(
        z.string().regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u, "the name of an S3 tag"),
        z.string().regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u, "the value of an S3 tag"),
      )
      .default({})
      .refine((tags) => Object.keys(tags).length <= MAX_TAGS, { error: `S3 takes at most ${MAX_TAGS} tags` })
      .describe("Tags of each object, by name."),
    retention: retention.describe(
      "What `millrace setup s3` writes into the bucket's lifecycle for this sink's objects. The sink itself deletes nothing.",
    ),
    batch: batchField({
      maxEvents: MAX_BATCH_EVENTS,
      maxEventsCap: MAX_BATCH_EVENTS,
      maxBytes: 32 * MIB,
      maxBytesCap: MAX_BATCH_BYTES,
      maxAgeMs: 60_000,
    }).describe(
      "When an object is written; bytes are counted before compression. Up to 2 × maxInFlight × maxBytes lie in memory.",
    ),
  })
  .superRefine((sink, context) => {
    const problem = keyProblem(sink.key, sink.prefix);
    if (problem !== undefined) context.addIssue({ code: "custom", path: ["key"], message: problem });
  })
  .refine(({ format, compression: chosen }) => format === "parquet" || chosen !== "snappy", {
    path: ["compression"],
    error: "snappy is for format `parquet` only: no common tool reads NDJSON in it",
  })
  .refine(({ format, columns }) => format === "parquet" || columns.length === 0, {
    path: ["columns"],
    error: "only objects of format `parquet` have columns",
  })
  .refine((sink) => sink.objectLock === undefined || sink.checksum !== "none", {
    path: ["checksum"],
    error: "Object Lock needs one: S3 refuses a locked object without a checksum",
  })
  .refine((sink) => (sink.retention.expireDays ?? Number.POSITIVE_INFINITY) >= (sink.objectLock?.retainDays ?? 0), {
    path: ["retention", "expireDays"],
    error: "is less than objectLock.retainDays; what is locked cannot expire",
  });

export type S3Config = z.infer<typeof s3Config>;
