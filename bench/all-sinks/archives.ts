import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { decodeEvents } from "../../src/decode.ts";
import { readEvents } from "../../src/formats/parquet/read-events.ts";
import { ArchiveBucket } from "../../test/kit/archive-bucket.ts";
import type { Moto } from "../../test/kit/moto.ts";
import { numberOf } from "../kit/numbered-events.ts";
import { Tally } from "../kit/tally.ts";
import type { Destination } from "./destination.ts";

export async function s3(moto: Moto): Promise<Destination> {
  const bucket = await ArchiveBucket.create(moto.url, "bench-archive");
  return {
    name: "s3",
    server: "moto",
    yaml: `type: s3, bucket: bench-archive, region: us-east-1, endpoint: "${moto.url}", compression: zstd, batch: { maxAgeMs: 1000 }`,
    wants: "all",
    async stored() {
      const tally = new Tally();
      for (const key of await bucket.keys()) add(tally, decodeEvents(await bucket.bytesOf(key)));
      return tally;
    },
    async [Symbol.asyncDispose]() {
      bucket[Symbol.dispose]();
    },
  };
}

export function files(dir: string): Destination {
  return {
    name: "files",
    server: "local files",
    yaml: `type: file, dir: "${dir}", compression: zstd`,
    wants: "all",
    async stored() {
      const tally = new Tally();
      for await (const file of glob(path.join(dir, "dt=*/hour=*/*.zst")))
        add(tally, decodeEvents(await readFile(file)));
      for await (const file of glob(path.join(dir, "dt=*/hour=*/.*.partial")))
        add(tally, decodeEvents(await readFile(file)));
      return tally;
    },
    async [Symbol.asyncDispose]() {},
  };
}

export function parquet(dir: string): Destination {
  return {
    name: "parquet",
    server: "local files",
    yaml: `type: file, dir: "${dir}", format: parquet, batch: { maxAgeMs: 1000 }`,
    wants: "all",
    async stored() {
      const tally = new Tally();
      for await (const file of glob(path.join(dir, "dt=*/hour=*/*.parquet"))) {
        const bytes = Uint8Array.from(await readFile(file));
        for await (const event of readEvents(bytes.buffer)) add(tally, [event.bytes]);
      }
      return tally;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function add(tally: Tally, events: Iterable<Buffer>): void {
  for (const event of events) {
    const number = numberOf(event);
    if (number !== undefined) tally.add(number);
  }
}
