import { z } from "zod";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";
import { compression } from "../../formats/compression.ts";

const MIB = 1024 ** 2;

export const fileConfig = z
  .strictObject({
    ...sinkFields,
    type: z.literal("file"),
    dir: z
      .string()
      .min(1)
      .describe("Directory for the files, made if missing. Give each sink its own; nodes may share one."),
    format: z.literal("ndjson").default("ndjson").describe("What a file holds: one event a line, as CloudEvents JSON."),
    compression: compression
      .default("none")
      .describe("Each batch is compressed by itself, so larger batches (batch.maxAgeMs) compress better."),
    fileBytes: byteSize({ min: 1024, max: 16 * 1024 * MIB })
      .prefault("64MiB")
      .describe("A file is finished before it would grow larger. Only a single batch may exceed it."),
    fileAgeMs: z
      .int()
      .min(100)
      .max(86_400_000)
      .default(60_000)
      .describe("A file is finished this long after its first event, in milliseconds. Until then its name is hidden."),
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
    batch: batchField({
      maxEvents: 10_000,
      maxEventsCap: 100_000,
      maxBytes: 4 * MIB,
      maxBytesCap: 64 * MIB,
      maxAgeMs: 1_000,
    }).describe("When a batch is written."),
  })
  .refine(({ retention, fileBytes }) => retention.maxBytes === 0 || retention.maxBytes >= fileBytes, {
    error: "must not be less than fileBytes, or each file would be deleted as soon as it is finished",
    path: ["retention", "maxBytes"],
  });

export type FileSinkConfig = z.infer<typeof fileConfig>;
