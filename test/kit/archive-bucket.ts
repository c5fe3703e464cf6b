import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";

import { readEvents } from "../../src/formats/parquet/read-events.ts";

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

  /** The content of every object. */
  async readAll(): Promise<Buffer[]> {
    return Promise.all((await this.keys()).map((key) => this.bytesOf(key)));
  }

  async head(key: string): Promise<HeadObjectCommandOutput> {
    return this.client.send(new HeadObjectCommand({ Bucket: this.name, Key: key }));
  }

  /** The events of all objects, each with a line end, in the order of the objects' keys. */
  async text(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (const key of await this.keys()) parts.push(await decoded(key, await this.bytesOf(key)));
    return Buffer.concat(parts);
  }

  /** Copies the objects into a folder, each where its key says. */
  async download(dir: string): Promise<void> {
    for (const key of await this.keys()) {
      const file = path.join(dir, key);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, await this.bytesOf(key));
    }
  }

  [Symbol.dispose](): void {
    this.client.destroy();
  }
}

async function decoded(key: string, bytes: Buffer): Promise<Buffer> {
  if (key.endsWith(".parquet")) {
    const lines: Buffer[] = [];
    for await (const event of readEvents(Uint8Array.from(bytes).buffer)) lines.push(event.bytes, Buffer.from("\n"));
    return Buffer.concat(lines);
  }
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
