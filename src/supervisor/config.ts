import { z } from "zod";

/** The `supervisor:` key. */
export const supervisorConfig = z
  .strictObject({
    maxRestarts: z
      .int()
      .min(1)
      .max(1_000)
      .default(5)
      .describe(
        "Restarts of a worker within `withinMs`, beyond which it is only retried every 15 to 30 s and an error is logged.",
      ),
    withinMs: z
      .int()
      .min(1_000)
      .max(3_600_000)
      .default(60_000)
      .describe(
        "The time in which `maxRestarts` counts, in milliseconds. A worker that worked for that long is sound again.",
      ),
    hangMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(10_000)
      .refine((ms) => ms === 0 || ms >= 1_000, { error: "must be 0 (never) or at least 1000" })
      .describe(
        "A worker that shows no sign of life for this long, in milliseconds, is killed and replaced. At least 1000, or 0: never.",
      ),
  })
  .prefault({});

export type SupervisorConfig = z.infer<typeof supervisorConfig>;
