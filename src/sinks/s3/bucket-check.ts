import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { S3Config } from "./config.ts";
import { readS3Error } from "./response.ts";

/**
 * What is wrong with the bucket, in words.
 *
 * Whether we may write is tried with an upload that is begun and thrown away: it needs the same
 * rights, of S3 and of KMS, and takes the same settings, but never becomes an object. Whether the
 * service honours `If-None-Match` cannot be tried without an object.
 */
export async function checkBucket(
  client: S3Client,
  config: S3Config,
  settings: Omit<CreateMultipartUploadCommandInput, "Key">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { bucket } = config;
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
  } catch (error) {
    const { status, reason } = readS3Error(error);
    if (status === 404) {
      return [
        `there is no bucket ${bucket}: create it (millrace setup s3 --apply --create), or correct \`bucket\` and \`region\``,
      ];
    }
    // HeadBucket needs s3:ListBucket, which is not needed for writing.
    if (status !== 403) return [`the bucket ${bucket} cannot be looked at: ${reason}`];
  }
  // Who may not ask may still write.
  if (config.objectLock !== undefined && (await hasObjectLock(client, bucket, signal)) === false) {
    return [
      `the bucket ${bucket} has no Object Lock, which objectLock needs: turn it on for the bucket (with versioning), or remove objectLock`,
    ];
  }
  const problem = await tryUpload(client, config, settings, signal);
  return problem === undefined ? [] : [problem];
}

/** Whether a bucket has Object Lock; `undefined`: we may not ask, or nobody answers. */
export async function hasObjectLock(
  client: S3Client,
  bucket: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  try {
    const { ObjectLockConfiguration: lock } = await client.send(
      new GetObjectLockConfigurationCommand({ Bucket: bucket }),
      { abortSignal: signal },
    );
    return lock?.ObjectLockEnabled === "Enabled";
  } catch (error) {
    return readS3Error(error).code === "ObjectLockConfigurationNotFoundError" ? false : undefined;
  }
}

async function tryUpload(
  client: S3Client,
  { bucket, prefix }: S3Config,
  settings: Omit<CreateMultipartUploadCommandInput, "Key">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const Key = `${prefix}millrace-check`;
  try {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...settings, Key }), {
      abortSignal: signal,
    });
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }), { abortSignal: signal });
    return undefined;
  } catch (error) {
    return `nothing can be written to s3://${bucket}/${prefix}: ${readS3Error(error).reason}`;
  }
}
