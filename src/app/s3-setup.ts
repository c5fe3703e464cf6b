import { BucketSetup } from "../sinks/s3/bucket-setup.ts";
import type { S3Config } from "../sinks/s3/config.ts";
import type { MillraceConfig } from "./config.ts";

export type S3Setup = Pick<BucketSetup, "plan" | "apply" | "close">;

/** The buckets that s3 sinks of a configuration write to, each with its sinks. */
export function bucketSetups(
  { sinks }: Pick<MillraceConfig, "sinks">,
  options: { readonly sink?: string; readonly createBucket: boolean; readonly blockPublicAccess: boolean },
): S3Setup[] {
  const { sink: only, ...rest } = options;
  const archives = sinks.filter((sink) => sink.type === "s3");
  return [...Map.groupBy(archives, placeOf).values()].flatMap((those) => {
    const [first, ...others] = those.filter(({ name }) => only === undefined || name === only);
    if (first === undefined) return [];
    const neighbours = those.filter((sink) => sink !== first && !others.includes(sink));
    return [new BucketSetup([first, ...others], { ...rest, neighbours })];
  });
}

function placeOf({ bucket, region, endpoint }: S3Config): string {
  return JSON.stringify([bucket, region, endpoint]);
}
