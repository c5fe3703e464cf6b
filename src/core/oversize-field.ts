import { z } from "zod";

const bucket = z.strictObject({
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of an S3 bucket")
    .describe("Bucket for the data."),
  prefix: z
    .string()
    .regex(/^([A-Za-z0-9!_.*'()-]+\/)*$/, "letters, digits and !_.*'()- in folders that end with /")
    .default("millrace-claims/")
    .describe("Begins the key of each object."),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, "a region such as us-east-1")
    .describe("AWS region of the bucket."),
  endpoint: z
    .url({ protocol: /^https?$/, error: "an http or https URL" })
    .optional()
    .describe("Instead of AWS: another S3 service, or a VPC endpoint."),
});

/** What becomes of an event that is larger than its sink takes. */
export const oversizeField = z
  .strictObject({
    to: z
      .enum(["deadLetter", "claimCheck"])
      .default("deadLetter")
      .describe("`deadLetter`: the event is set aside. `claimCheck`: its data is stored, and a pointer to it is sent."),
    dir: z
      .string()
      .min(1)
      .optional()
      .describe("Directory for the data, made if missing. Consumers must be able to read it."),
    maxAgeMs: z
      .int()
      .min(60_000)
      .optional()
      .describe(
        "Delete data in `dir` that was stored longer ago than this, in milliseconds; more than the sink may be down. Default: keep it for ever.",
      ),
    s3: bucket.optional().describe("Bucket for the data, instead of `dir`."),
    maxWaitMs: z
      .int()
      .min(0)
      .default(0)
      .describe(
        "Longest wait for the data to be stored while `dir` or `s3` does not take it, in milliseconds; then the event is dead-lettered. 0: for ever, which stops the sink once it may read no further.",
      ),
  })
  .prefault({})
  .refine(({ to, dir, s3 }) => to !== "claimCheck" || (dir === undefined) !== (s3 === undefined), {
    error: "a claim check needs either dir or s3",
  })
  .refine(({ to, ...place }) => to === "claimCheck" || isPlain(place), {
    error: "the other keys are for `to: claimCheck`",
  })
  .refine(({ dir, maxAgeMs }) => maxAgeMs === undefined || dir !== undefined, {
    path: ["maxAgeMs"],
    error: "is for dir; a bucket deletes by its lifecycle rules",
  });

function isPlain(keys: { dir?: unknown; s3?: unknown; maxAgeMs?: unknown; maxWaitMs: number }): boolean {
  return keys.maxWaitMs === 0 && (keys.dir ?? keys.s3 ?? keys.maxAgeMs) === undefined;
}

export type OversizeConfig = z.infer<typeof oversizeField>;
