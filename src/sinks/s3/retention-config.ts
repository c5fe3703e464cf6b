import { z } from "zod";
import { MIN_INFREQUENT_ACCESS_DAYS } from "./service-limits.ts";

const INFREQUENT_ACCESS = new Set(["STANDARD_IA", "ONEZONE_IA"]);

/** The `retention:` of an s3 sink. */
export const retention = z
  .strictObject({
    expireDays: z
      .int()
      .min(1)
      .max(36_500)
      .optional()
      .describe("Delete objects this many days after they were written. Default: keep them for ever."),
    noncurrentDays: z
      .int()
      .min(1)
      .max(36_500)
      .default(1)
      .describe("In a bucket with versioning, with expireDays: delete what expired for good this many days later."),
    abortMultipartDays: z
      .int()
      .min(1)
      .max(365)
      .default(7)
      .describe("Throw away uploads that were never completed, which cost as much as objects, after this many days."),
    transitions: z
      .array(
        z.strictObject({
          afterDays: z.int().min(0).max(36_500).describe("Days after an object was written."),
          storageClass: z
            .enum(["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"])
            .describe("Class that objects are moved to."),
        }),
      )
      .max(5)
      .default([])
      .describe("Moves objects to cheaper storage as they age."),
  })
  .superRefine(({ transitions, expireDays }, context) => {
    let beforeDays = -1;
    for (const [index, { afterDays, storageClass }] of transitions.entries()) {
      const refuse = (message: string) =>
        context.addIssue({ code: "custom", path: ["transitions", index, "afterDays"], message });
      if (INFREQUENT_ACCESS.has(storageClass) && afterDays < MIN_INFREQUENT_ACCESS_DAYS) {
        refuse(`S3 moves objects to ${storageClass} after ${MIN_INFREQUENT_ACCESS_DAYS} days at the earliest`);
      }
      if (afterDays <= beforeDays) refuse("must be more than that of the transition before");
      if (expireDays !== undefined && afterDays >= expireDays) refuse("must be less than expireDays");
      beforeDays = afterDays;
    }
  })
  .prefault({});
