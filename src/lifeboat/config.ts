import { z } from "zod";

/** The `shutdown.lifeboat:` key. */
export const lifeboatConfig = z
  .strictObject({
    dir: z
      .string()
      .min(1)
      .optional()
      .describe("Directory for lifeboats: on another disk than the journal's, such as a network share."),
    s3: z
      .strictObject({
        bucket: z
          .string()
          .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of an S3 bucket")
          .describe("Bucket for lifeboats."),
        prefix: z
          .string()
          .regex(/^[A-Za-z0-9!_.*'()/-]{0,512}$/, "letters, digits, / and !_.*'()-")
          .default("millrace-lifeboats/")
          .describe("Begins the key of each object."),
        region: z
          .string()
          .regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, "a region such as us-east-1")
          .describe("AWS region of the bucket."),
        endpoint: z
          .url({ protocol: /^https?$/, error: "an http or https URL" })
          .optional()
          .describe("Instead of AWS: another S3 service, or a VPC endpoint."),
      })
      .optional()
      .describe("Bucket for lifeboats, instead of `dir`."),
    reserveMs: z
      .int()
      .min(1_000)
      .max(600_000)
      .default(10_000)
      .describe(
        "Kept of `shutdown.drainMs` for filling the lifeboat, in milliseconds, beside what `drainMs` keeps for saving and ending; the sinks have the rest.",
      ),
  })
  .refine(({ dir, s3 }) => (dir === undefined) !== (s3 === undefined), { error: "give either dir or s3" });

export type LifeboatConfig = z.infer<typeof lifeboatConfig>;

export type S3Place = NonNullable<LifeboatConfig["s3"]>;
