import { HeadBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Claim, ClaimStore } from "../core/claim-store.ts";
import type { OversizeConfig } from "../core/oversize-field.ts";
import { claimName } from "./claim-name.ts";

/** Claims as objects of a bucket, checked by S3 against their SHA-256. */
export class S3ClaimStore implements ClaimStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor({ bucket, prefix, region, endpoint }: NonNullable<OversizeConfig["s3"]>) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#client = new S3Client({
      region,
      // The pipeline retries.
      maxAttempts: 1,
      ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    });
  }

  addressOf(claim: Claim): string {
    return `s3://${this.#bucket}/${this.#keyOf(claim)}`;
  }

  async put(claim: Claim, signal: AbortSignal): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: this.#keyOf(claim),
      Body: claim.bytes,
      ContentType: claim.isJson ? "application/json" : "application/octet-stream",
      ChecksumSHA256: Buffer.from(claim.sha256, "hex").toString("base64"),
    });
    await this.#client.send(command, { abortSignal: signal });
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal: signal });
      return [];
    } catch (error) {
      const reason = error instanceof Error ? error.name : String(error);
      return [
        `the bucket ${this.#bucket} of the claim check cannot be looked at (${reason}): create it, or correct oversize.s3, or allow s3:ListBucket and s3:PutObject to the collector's role`,
      ];
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #keyOf(claim: Claim): string {
    return `${this.#prefix}${claimName(claim)}`;
  }
}
