import { z } from "zod";
import { batchField, sinkFields } from "../../core/config-fields.ts";

const MIB = 1024 ** 2;

export const stdoutConfig = z.strictObject({
  ...sinkFields,
  type: z.literal("stdout"),
  batch: batchField({
    maxEvents: 1_000,
    maxEventsCap: 10_000,
    maxBytes: 1 * MIB,
    maxBytesCap: 16 * MIB,
    maxAgeMs: 100,
  }).describe("When a batch is printed."),
});

export type StdoutSinkConfig = z.infer<typeof stdoutConfig>;
