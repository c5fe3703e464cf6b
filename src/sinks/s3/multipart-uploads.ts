import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { Clock } from "../../core/clock.ts";

/** Longest wait for throwing away what was uploaded of an object that failed. */
const CLEAN_UP_MS = 5_000;

interface Upload {
  readonly client: S3Client;
  readonly Bucket: string | undefined;
  readonly Key: string | undefined;
  readonly UploadId: string | undefined;
  readonly ChecksumAlgorithm: CreateMultipartUploadCommandInput["ChecksumAlgorithm"];
}

/**
 * Uploads objects in parts, some at a time. What was uploaded of an object that fails is thrown
 * away, since parts cost as much as objects; where that fails too, the bucket's lifecycle does
 * it (`retention.abortMultipartDays`).
 */
export class MultipartUploads {
  readonly #partBytes: number;
  readonly #maxParallel: number;
  readonly #clock: Clock;
  readonly #cleaning = new Set<Promise<void>>();

  constructor({ partBytes, maxParallel }: { partBytes: number; maxParallel: number }, clock: Clock) {
    this.#partBytes = partBytes;
    this.#maxParallel = maxParallel;
    this.#clock = clock;
  }

  /** Rejects with what the SDK throws. The condition is checked when the object is completed. */
  async upload(
    client: S3Client,
    settings: CreateMultipartUploadCommandInput,
    condition: { IfNoneMatch?: string },
    body: Buffer,
    signal: AbortSignal,
  ): Promise<void> {
    const { Bucket, Key, ChecksumAlgorithm } = settings;
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(settings), { abortSignal: signal });
    const upload: Upload = { client, Bucket, Key, UploadId, ChecksumAlgorithm };
    try {
      const Parts = await this.#uploadParts(upload, body, signal);
      await client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...condition }),
        { abortSignal: signal },
      );
    } catch (error) {
      this.#throwAway(upload);
      throw error;
    }
  }

  async #uploadParts(upload: Upload, body: Buffer, signal: AbortSignal): Promise<CompletedPart[]> {
    const { client, Bucket, Key, UploadId, ChecksumAlgorithm } = upload;
    const count = Math.ceil(body.length / this.#partBytes);
    const parts: CompletedPart[] = [];
    // The first part that fails ends the others.
    const ending = new AbortController();
    const abortSignal = AbortSignal.any([signal, ending.signal]);
    let next = 0;
    const uploadNext = async (): Promise<void> => {
      while (next < count && !abortSignal.aborted) {
        const index = next++;
        const { ETag, ChecksumCRC32, ChecksumSHA256 } = await client.send(
          new UploadPartCommand({
            Bucket,
            Key,
            UploadId,
            PartNumber: index + 1,
            Body: body.subarray(index * this.#partBytes, (index + 1) * this.#partBytes),
            ChecksumAlgorithm,
          }),
          { abortSignal },
        );
        parts[index] = {
          PartNumber: index + 1,
          ETag,
          ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }),
          ...(ChecksumSHA256 !== undefined && { ChecksumSHA256 }),
        };
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(this.#maxParallel, count) }, uploadNext));
    } catch (error) {
      ending.abort();
      throw error;
    }
    signal.throwIfAborted();
    return parts;
  }

  /** Nobody waits for it: the pipeline may want to end. */
  #throwAway({ client, Bucket, Key, UploadId }: Upload): void {
    const abort = new AbortController();
    const timer = this.#clock.after(CLEAN_UP_MS, () => abort.abort());
    const cleaning = client
      .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), { abortSignal: abort.signal })
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        timer.cancel();
        this.#cleaning.delete(cleaning);
      });
    this.#cleaning.add(cleaning);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#cleaning);
  }
}
