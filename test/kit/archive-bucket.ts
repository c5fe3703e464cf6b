import { gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";

/** A bucket of an S3 service on this machine, as its users see it. */
export class ArchiveBucket implements Disposable {
  readonly name: string;
  readonly client: S3Client;

  private constructor(name: string, client: S3Client) {
    this.name = name;
    this.client = client;
  }

  /** Makes the bucket. */
  static async create(endpoint: string, name: string, options: { objectLock?: boolean } = {}): Promise<ArchiveBucket> {
    const bucket = ArchiveBucket.of(endpoint, name);
    const { client } = bucket;
    await client.send(
      new CreateBucketCommand({
        Bucket: name,
        ...(options.objectLock === true && { ObjectLockEnabledForBucket: true }),
      }),
    );
    return bucket;
  }

  static of(endpoint: string, name: string): ArchiveBucket {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return new ArchiveBucket(name, new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials }));
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.name, ...(token !== undefined && { ContinuationToken: token }) }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys.toSorted();
  }

  async bytesOf(key: string): Promise<Buffer> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async head(key: string): Promise<HeadObjectCommandOutput> {
    return this.client.send(new HeadObjectCommand({ Bucket: this.name, Key: key }));
  }

  /** What all objects hold, decompressed, in the order of their keys. */
  async text(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (const key of await this.keys()) parts.push(decompressed(key, await this.bytesOf(key)));
    return Buffer.concat(parts);
  }

  [Symbol.dispose](): void {
    this.client.destroy();
  }
}

function decompressed(key: string, bytes: Buffer): Buffer {
  if (key.endsWith(".gz")) return gunzipSync(bytes);
  if (key.endsWith(".zst")) return zstdDecompressSync(bytes);
  return bytes;
}

/** The lines of NDJSON, byte for byte. */
export function linesOf(text: Buffer): Buffer[] {
  const lines = text.toString("latin1").split("\n");
  if (lines.pop() !== "") throw new Error("the last line has no end");
  return lines.map((line) => Buffer.from(line, "latin1"));
}
