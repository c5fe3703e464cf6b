import { createReadStream, createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { S3Place } from "./config.ts";
import type { Cargo, LifeboatStore } from "./lifeboat-store.ts";
import { MANIFEST_NAME, type Manifest } from "./manifest.ts";

/** Lifeboats in a bucket: the objects below `<prefix><boat>/`. */
export class S3Store implements LifeboatStore {
  readonly place: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  private constructor(client: S3Client, { bucket, prefix }: S3Place) {
    this.place = `s3://${bucket}/${prefix}`;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  }

  static open(place: S3Place): S3Store {
    const client = new S3Client({
      region: place.region,
      ...(place.endpoint !== undefined && { endpoint: place.endpoint, forcePathStyle: true }),
    });
    return new S3Store(client, place);
  }

  async put(boat: string, cargo: readonly Cargo[], manifest: Manifest, signal: AbortSignal): Promise<void> {
    for (const { name, path, bytes } of cargo) {
      await this.#putObject(boat, name, createReadStream(path), bytes, signal);
    }
    const text = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
    await this.#putObject(boat, MANIFEST_NAME, text, text.length, signal);
  }

  async #putObject(boat: string, name: string, body: Readable | Buffer, bytes: number, signal: AbortSignal) {
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: this.#key(boat, name),
      Body: body,
      ContentLength: bytes,
    });
    await this.#client.send(command, { abortSignal: signal });
  }

  #key(boat: string, name: string): string {
    return `${this.#prefix}${boat}/${name}`;
  }

  async list(signal?: AbortSignal): Promise<string[]> {
    const suffix = `/${MANIFEST_NAME}`;
    const boats: string[] = [];
    for await (const key of this.#keys(this.#prefix, signal)) {
      const name = key.slice(this.#prefix.length);
      const boat = name.slice(0, -suffix.length);
      if (name.endsWith(suffix) && !boat.includes("/")) boats.push(boat);
    }
    return boats.toSorted();
  }

  async *#keys(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix, ContinuationToken: token }),
        abortedBy(signal),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  async manifest(boat: string, signal?: AbortSignal): Promise<string> {
    const { Body } = await this.#client.send(
      new GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(boat, MANIFEST_NAME) }),
      abortedBy(signal),
    );
    return (await Body?.transformToString()) ?? "";
  }

  async fetch(boat: string, file: string, to: string): Promise<void> {
    const { Body } = await this.#client.send(
      new GetObjectCommand({ Bucket: this.#bucket, Key: this.#key(boat, file) }),
    );
    if (Body === undefined) throw new Error(`${this.#key(boat, file)} has no body`);
    await pipeline(Body.transformToWebStream(), createWriteStream(to, { flags: "wx", mode: 0o640 }));
  }

  async remove(boat: string, signal?: AbortSignal): Promise<void> {
    const keys: string[] = [];
    for await (const key of this.#keys(`${this.#prefix}${boat}/`, signal)) keys.push(key);
    // The manifest first: without it, what is left of an interrupted removal is no lifeboat.
    keys.sort((a, b) => Number(b.endsWith(MANIFEST_NAME)) - Number(a.endsWith(MANIFEST_NAME)));
    const [manifest, ...files] = keys;
    if (manifest === undefined) return;
    for (const some of [[manifest], files]) {
      for (let from = 0; from < some.length; from += 1000) {
        const Objects = some.slice(from, from + 1000).map((Key) => ({ Key }));
        const command = new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects } });
        await this.#client.send(command, abortedBy(signal));
      }
    }
  }
}

function abortedBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
