import { BucketSetup } from "../sinks/s3/bucket-setup.ts";
import type { S3Config } from "../sinks/s3/config.ts";
import type { MillraceConfig } from "./config.ts";

export type S3Setup = Pick<BucketSetup, "plan" | "apply" | "close">;

/** The buckets that s3 sinks of a configuration write to, each with its sinks. */
export function bucketSetups(
  { sinks }: Pick<MillraceConfig, "sinks">,
  options: { readonly sink?: string; readonly createBucket: boolean; readonly blockPublicAccess: boolean },
): S3Setup[] {
  const byPlace = new Map<string, [S3Config, ...S3Config[]]>();
  for (const sink of sinks) {
    if (sink.type !== "s3" || (options.sink !== undefined && sink.name !== options.sink)) continue;
    const place = JSON.stringify([sink.bucket, sink.region, sink.endpoint]);
    const others = byPlace.get(place);
    if (others === undefined) byPlace.set(place, [sink]);
    else others.push(sink);
  }
  return [...byPlace.values()].map((those) => new BucketSetup(those, options));
}
