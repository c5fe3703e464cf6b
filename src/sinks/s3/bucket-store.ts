import {
  type CreateMultipartUploadCommandInput,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { Clock } from "../../core/clock.ts";
import { checkBucket } from "./bucket-check.ts";
import { openClient } from "./client.ts";
import type { S3Config } from "./config.ts";
import { fromMetadata, toMetadata } from "./inscription.ts";
import { MultipartUploads } from "./multipart-uploads.ts";
import type { Created, Failure, Found, NewObject, ObjectStore } from "./object-store.ts";
import { blamesIdentity, readS3Error } from "./response.ts";

const DAY_MS = 86_400_000;

/** The settings of an object that stay the same for each: what both ways of uploading take. */
export type ObjectSettings = Omit<CreateMultipartUploadCommandInput, "Key" | "Metadata" | "ContentType">;

/** A bucket of Amazon S3 or of a service that speaks its protocol, by the AWS SDK without its retries. */
export class BucketStore implements ObjectStore {
  readonly #config: S3Config;
  readonly #clock: Clock;
  readonly #uploads: MultipartUploads;
  #client: S3Client;

  constructor(config: S3Config, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#client = openClient(config);
    this.#uploads = new MultipartUploads(config.multipart, clock);
  }

  async create(object: NewObject, signal: AbortSignal): Promise<Created> {
    const { key, body, contentType, inscription } = object;
    const { bucket, multipart, conditionalWrites } = this.#config;
    const settings = {
      ...this.#settings(),
      Bucket: bucket,
      Key: key,
      ContentType: contentType,
      Metadata: toMetadata(inscription),
    };
    const condition = conditionalWrites ? { IfNoneMatch: "*" } : {};
    try {
      if (body.length > multipart.partBytes) {
        await this.#uploads.upload(this.#client, settings, condition, body, signal);
      } else {
        await this.#client.send(
          new PutObjectCommand({ ...settings, ...condition, Body: body, ContentLength: body.length }),
          { abortSignal: signal },
        );
      }
      return { kind: "created" };
    } catch (error) {
      return readS3Error(error).status === 412 ? { kind: "exists" } : this.#failed(error, signal);
    }
  }

  async look(key: string, signal: AbortSignal): Promise<Found> {
    const command = new HeadObjectCommand({ Bucket: this.#config.bucket, Key: key });
    try {
      const { Metadata = {} } = await this.#client.send(command, { abortSignal: signal });
      return { kind: "found", inscription: fromMetadata(Metadata) };
    } catch (error) {
      const { reason } = this.#failed(error, signal);
      return {
        kind: "failed",
        reason: `there is an object with the key of these events, and it cannot be looked at: ${reason}`,
      };
    }
  }

  check(signal: AbortSignal): Promise<readonly string[]> {
    return checkBucket(this.#client, this.#config, this.#settings(), signal);
  }

  async close(): Promise<void> {
    await this.#uploads.idle();
    this.#client.destroy();
  }

  #failed(error: unknown, signal: AbortSignal): Failure {
    if (signal.aborted) return { kind: "failed", reason: "given up" };
    const { reason, retryAfterMs, ...rest } = readS3Error(error);
    if (blamesIdentity({ reason, ...rest })) this.#renewClient();
    return { kind: "failed", reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  /** The SDK believes the credentials it has; a client of its own looks for them afresh. */
  #renewClient(): void {
    this.#client.destroy();
    this.#client = openClient(this.#config);
  }

  #settings(): ObjectSettings {
    const { bucket, checksum, storageClass, encryption, objectLock, tags } = this.#config;
    const tagging = new URLSearchParams(tags).toString();
    return {
      Bucket: bucket,
      ...(checksum !== "none" && { ChecksumAlgorithm: checksum === "crc32" ? "CRC32" : "SHA256" }),
      ...(storageClass !== undefined && { StorageClass: storageClass }),
      ...(encryption.mode !== "default" && { ServerSideEncryption: encryption.mode }),
      ...(encryption.mode === "aws:kms" && { BucketKeyEnabled: encryption.bucketKey }),
      ...(encryption.kmsKeyId !== undefined && { SSEKMSKeyId: encryption.kmsKeyId }),
      ...(objectLock?.mode !== undefined && {
        ObjectLockMode: objectLock.mode,
        ObjectLockRetainUntilDate: new Date(this.#clock.nowMs() + (objectLock.retainDays ?? 0) * DAY_MS),
      }),
      ...(objectLock?.legalHold === true && { ObjectLockLegalHoldStatus: "ON" }),
      ...(tagging !== "" && { Tagging: tagging }),
    };
  }
}
