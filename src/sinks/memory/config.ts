import { z } from "zod";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";

const MIB = 1024 ** 2;

export const memoryConfig = z.strictObject({
  ...sinkFields,
  type: z.literal("memory"),
  maxBytes: byteSize({ min: 1024, max: 1024 * MIB })
    .prefault("16MiB")
    .describe("Memory for the newest events. The oldest make room, and are counted as delivered all the same."),
  batch: batchField({
    maxEvents: 1_000,
    maxEventsCap: 10_000,
    maxBytes: 1 * MIB,
    maxBytesCap: 16 * MIB,
    maxAgeMs: 50,
  }).describe("When a batch is taken over."),
});

export type MemorySinkConfig = z.infer<typeof memoryConfig>;
