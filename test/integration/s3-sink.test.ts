import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import path from "node:path";
import { ListMultipartUploadsCommand, GetObjectTaggingCommand } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import { startFauxqs } from "fauxqs";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Receipt } from "../../src/core/sink.ts";
import { s3Config } from "../../src/sinks/s3/config.ts";
import { createS3Sink, type S3Sink } from "../../src/sinks/s3/sink.ts";
import { ArchiveBucket, linesOf } from "../kit/archive-bucket.ts";
import { temporaryDir } from "../kit/collector-process.ts";
import { FaultyProxy, type ProxiedRequest } from "../kit/faulty-proxy.ts";
import { type Moto, startMoto, whyNoMoto } from "../kit/moto.ts";

const HOUR_MS = 3_600_000;
const AT_MS = 1_794_996_000_000;

let moto: Moto | undefined;
let buckets = 0;

beforeAll(async () => {
  moto = await startMoto();
}, 360_000);

afterAll(async () => moto?.[Symbol.asyncDispose]());

beforeEach(() => {
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
});

afterEach(() => vi.unstubAllEnvs());

function eventsOf(count: number, from = 0, receivedMs = AT_MS): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const position = from + index;
    const id = `id-${position}`;
    const time = new Date(receivedMs).toISOString();
    const data = { n: position, text: "déjà vu ".repeat(8) };
    const event = { specversion: "1.0", id, type: "shop.order", source: "web", time, data };
    return { position, id, type: "shop.order", source: "web", receivedMs, bytes: Buffer.from(JSON.stringify(event)) };
  });
}

/** Bytes that do not compress, to make an object large. */
function largeEvents(count: number, bytes: number): CollectedEvent[] {
  return eventsOf(count).map((event) => {
    let noise = "";
    for (let part = 0; noise.length < bytes; part++) {
      noise += createHash("sha512").update(`${event.id}-${part}`).digest("base64");
    }
    return { ...event, bytes: Buffer.from(JSON.stringify({ id: event.id, noise })) };
  });
}

function openSink(endpoint: string, bucket: string, change: object = {}): S3Sink {
  const least = { name: "archive", type: "s3", bucket, region: "us-east-1", endpoint, prefix: "web" };
  return createS3Sink(s3Config.parse({ ...least, ...change }), {
    node: "node",
    slot: "0",
    log: pino({ level: "silent" }),
  });
}

function write(sink: S3Sink, batch: readonly CollectedEvent[], withinMs = 15_000): Promise<Receipt> {
  return sink.write(batch, AbortSignal.timeout(withinMs));
}

function textsOf(events: readonly CollectedEvent[]): string[] {
  return events.map(({ bytes }) => bytes.toString()).toSorted();
}

async function textsIn(bucket: ArchiveBucket): Promise<string[]> {
  return linesOf(await bucket.text())
    .map((line) => line.toString())
    .toSorted();
}

/** A bucket of its own in moto, behind a proxy. */
async function openMoto(skip: (reason: string) => void, options: { objectLock?: boolean } = {}) {
  if (moto === undefined) skip(whyNoMoto);
  assert(moto !== undefined);
  const bucket = await ArchiveBucket.create(moto.url, `events-${buckets++}`, options);
  const proxy = await FaultyProxy.open(moto.url);
  const sinks: S3Sink[] = [];
  return {
    bucket,
    proxy,
    openSink: (change: object = {}): S3Sink => {
      const sink = openSink(proxy.url, bucket.name, change);
      sinks.push(sink);
      return sink;
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      for (const sink of sinks) await sink.close();
      bucket[Symbol.dispose]();
    },
  };
}

describe("with moto, which honours If-None-Match", () => {
  test("a process that begins again where it was finds what is there, however its batches are cut", async ({
    skip,
  }) => {
    await using place = await openMoto(skip);
    const events = eventsOf(100);
    const before = place.openSink();
    expect(await write(before, events.slice(0, 40))).toEqual({ kind: "delivered" });
    expect(await write(before, events.slice(40, 70))).toEqual({ kind: "delivered" });

    const after = place.openSink();
    expect(await write(after, events.slice(0, 60))).toMatchObject({ kind: "partial" });
    expect(await write(after, events.slice(40))).toEqual({ kind: "delivered" });
    expect(await textsIn(place.bucket)).toEqual(textsOf(events));
    expect((await place.bucket.keys()).length).toBe(3);
  });

  test("a journal that was wiped and begins at 0 again overwrites nothing, and loses nothing", async ({ skip }) => {
    await using place = await openMoto(skip);
    const old = eventsOf(50);
    await write(place.openSink(), old);
    const same = eventsOf(20).map((event, index) => (index === 0 ? event : { ...event, id: `new-${index}` }));
    const wiped = same.map((event) => ({ ...event, bytes: Buffer.from(JSON.stringify({ id: event.id, anew: true })) }));
    const more = eventsOf(40, 20).map((event) => ({ ...event, id: `more-${event.position}` }));
    expect(await write(place.openSink(), [...wiped, ...more])).toEqual({ kind: "delivered" });
    expect(await textsIn(place.bucket)).toEqual(textsOf([...old, ...wiped, ...more]));
  });

  test("a batch over the end of an hour becomes an object in each folder", async ({ skip }) => {
    await using place = await openMoto(skip);
    const events = [...eventsOf(10), ...eventsOf(10, 10, AT_MS + HOUR_MS)];
    expect(await write(place.openSink(), events)).toEqual({ kind: "delivered" });
    expect((await place.bucket.keys()).map((key) => path.dirname(key))).toEqual([
      "web/dt=2026-11-18/hour=10",
      "web/dt=2026-11-18/hour=11",
    ]);
    expect(await textsIn(place.bucket)).toEqual(textsOf(events));
  });

  test("an object carries what was configured, and a digest of the ids in it", async ({ skip }) => {
    await using place = await openMoto(skip, { objectLock: true });
    const sink = place.openSink({
      encryption: { mode: "aws:kms", kmsKeyId: "alias/events" },
      storageClass: "STANDARD_IA",
      objectLock: { mode: "COMPLIANCE", retainDays: 30, legalHold: true },
      tags: { team: "data", cost: "a/b" },
      checksum: "sha256",
    });
    expect(await sink.check(AbortSignal.timeout(10_000))).toEqual([]);
    const events = eventsOf(20);
    expect(await write(sink, events)).toEqual({ kind: "delivered" });
    const [key = ""] = await place.bucket.keys();
    const head = await place.bucket.head(key);
    expect(head).toMatchObject({
      ContentType: "application/gzip",
      ServerSideEncryption: "aws:kms",
      StorageClass: "STANDARD_IA",
      ObjectLockMode: "COMPLIANCE",
      ObjectLockLegalHoldStatus: "ON",
      Metadata: {
        "millrace-first-position": "0",
        "millrace-last-position": "19",
        "millrace-events": "20",
        "millrace-ids-sha256": createHash("sha256")
          .update(events.map(({ id }) => `${id}\n`).join(""))
          .digest("hex"),
      },
    });
    expect(head.ContentEncoding).toBeUndefined();
    const untilMs = head.ObjectLockRetainUntilDate?.getTime() ?? 0;
    expect(Math.abs(untilMs - Date.now() - 30 * 24 * HOUR_MS)).toBeLessThan(HOUR_MS);
    const tagging = await place.bucket.client.send(
      new GetObjectTaggingCommand({ Bucket: place.bucket.name, Key: key }),
    );
    expect(tagging.TagSet).toEqual([
      { Key: "team", Value: "data" },
      { Key: "cost", Value: "a/b" },
    ]);
  });

  test("a large object goes in parts, and its key is taken only once, too", async ({ skip }) => {
    await using place = await openMoto(skip);
    const settings = { compression: "none", multipart: { partBytes: "5MiB", maxParallel: 2 } };
    const events = largeEvents(12, 1024 ** 2);
    expect(await write(place.openSink(settings), events)).toEqual({ kind: "delivered" });
    expect(place.proxy.requests.filter(({ path: at }) => at.includes("partNumber=")).length).toBe(3);
    expect(await write(place.openSink(settings), events)).toEqual({ kind: "delivered" });
    expect(await textsIn(place.bucket)).toEqual(textsOf(events));
    expect((await place.bucket.keys()).length).toBe(1);
  });

  test("check says that there is no bucket, that it has no Object Lock, and that nothing may be written", async ({
    skip,
  }) => {
    await using place = await openMoto(skip);
    const check = (sink: S3Sink) => sink.check(AbortSignal.timeout(10_000));
    const lock = { objectLock: { mode: "GOVERNANCE", retainDays: 1 } };
    expect(await check(place.openSink({ bucket: "no-such-bucket" }))).toEqual([
      expect.stringContaining("there is no bucket no-such-bucket: create it (millrace setup s3 --apply --create)"),
    ]);
    expect(await check(place.openSink(lock))).toEqual([expect.stringContaining("has no Object Lock")]);
    const denied = { status: 403, body: "<Error><Code>AccessDenied</Code></Error>" };
    place.proxy.faultOf = ({ method }) => (method === "POST" ? denied : "pass");
    expect(await check(place.openSink())).toEqual([expect.stringContaining("nothing can be written to s3://")]);
    place.proxy.faultOf = () => "pass";
    expect(await check(place.openSink())).toEqual([]);
    const { Uploads: left = [] } = await place.bucket.client.send(
      new ListMultipartUploadsCommand({ Bucket: place.bucket.name }),
    );
    expect(left).toEqual([]);
    expect(await place.bucket.keys()).toEqual([]);
  });
});

describe("with failures", () => {
  test("an answer that is lost makes no second object", async ({ skip }) => {
    await using place = await openMoto(skip);
    const sink = place.openSink();
    const events = eventsOf(30);
    place.proxy.faultOf = ({ method }) => (method === "PUT" ? "reset-after" : "pass");
    expect(await write(sink, events)).toMatchObject({ kind: "retryable", reason: expect.stringContaining("no reply") });
    place.proxy.faultOf = () => "pass";
    expect(await write(sink, eventsOf(50))).toEqual({ kind: "delivered" });
    expect(await textsIn(place.bucket)).toEqual(textsOf(eventsOf(50)));
    expect((await place.bucket.keys()).length).toBe(2);
  });

  test.each([
    ["SlowDown", 503],
    ["AccessDenied", 403],
    ["ConditionalRequestConflict", 409],
    ["InternalError", 500],
    ["NoSuchBucket", 404],
  ])("%s is retryable, and asked once", async (code, status) => {
    const server = await startFauxqs({ port: 0, logger: false });
    using bucket = await ArchiveBucket.create(server.address, "events");
    await using proxy = await FaultyProxy.open(server.address);
    const sink = openSink(proxy.url, "events");
    proxy.faultOf = () => ({ status, body: `<Error><Code>${code}</Code><Message>Said so.</Message></Error>` });
    expect(await write(sink, eventsOf(3))).toMatchObject({
      kind: "retryable",
      reason: expect.stringContaining(code),
    });
    expect(proxy.requests.length).toBe(1);
    proxy.faultOf = () => "pass";
    expect(await write(sink, eventsOf(3))).toEqual({ kind: "delivered" });
    expect(await textsIn(bucket)).toEqual(textsOf(eventsOf(3)));
    await sink.close();
    await server.stop();
  });

  test("of an upload whose part fails nothing is left, and it is begun anew", async ({ skip }) => {
    await using place = await openMoto(skip);
    const sink = place.openSink({ compression: "none", multipart: { partBytes: "5MiB" } });
    const events = largeEvents(12, 1024 ** 2);
    const isSecondPart = ({ path: at }: ProxiedRequest) => at.includes("partNumber=2");
    place.proxy.faultOf = (request) => (isSecondPart(request) ? { status: 500 } : "pass");
    expect(await write(sink, events)).toMatchObject({ kind: "retryable" });
    place.proxy.faultOf = () => "pass";
    const uploads = async () => {
      const command = new ListMultipartUploadsCommand({ Bucket: place.bucket.name });
      return (await place.bucket.client.send(command)).Uploads ?? [];
    };
    await expect.poll(uploads).toEqual([]);
    expect(await write(sink, events)).toEqual({ kind: "delivered" });
    expect(await textsIn(place.bucket)).toEqual(textsOf(events));
  });

  test("credentials that expire are looked up again", async ({ skip }) => {
    await using place = await openMoto(skip);
    const sink = place.openSink();
    const isOld = ({ headers }: ProxiedRequest) => headers.authorization?.includes("=test/") === true;
    place.proxy.faultOf = (request) =>
      isOld(request) ? { status: 400, body: "<Error><Code>ExpiredToken</Code></Error>" } : "pass";
    expect(await write(sink, eventsOf(3))).toMatchObject({
      kind: "retryable",
      reason: expect.stringContaining("credentials have expired"),
    });
    vi.stubEnv("AWS_ACCESS_KEY_ID", "rotated");
    expect(await write(sink, eventsOf(3))).toEqual({ kind: "delivered" });
  });
});

test.each([
  ["gzip", { compression: "gzip" }, "read_json(?, filename = true, hive_partitioning = true)"],
  ["zstd", { compression: "zstd" }, "read_json(?, filename = true, hive_partitioning = true)"],
  ["Parquet", { format: "parquet" }, "read_parquet(?, hive_partitioning = true)"],
])("DuckDB reads what is in the bucket, and the folders as columns: %s", async (_, settings, from) => {
  const server = await startFauxqs({ port: 0, logger: false });
  using bucket = await ArchiveBucket.create(server.address, "events");
  await using dir = await temporaryDir();
  const sink = openSink(server.address, "events", settings);
  const events = [...eventsOf(300), ...eventsOf(200, 300, AT_MS + HOUR_MS)];
  expect(await write(sink, events)).toEqual({ kind: "delivered" });
  await bucket.download(dir.path);
  const duckdb = await DuckDBInstance.create();
  const connection = await duckdb.connect();
  const pattern = path.join(dir.path, "web/*/*/*");
  const query = `select count(*)::int as events, count(distinct id)::int as ids, hour::int as hour, min(type) as type from ${from} group by hour order by hour`;
  const result = await connection.runAndReadAll(query, [pattern]);
  expect(result.getRowObjectsJS()).toEqual([
    { events: 300, ids: 300, hour: 10, type: "shop.order" },
    { events: 200, ids: 200, hour: 11, type: "shop.order" },
  ]);
  connection.closeSync();
  duckdb.closeSync();
  await sink.close();
  await server.stop();
});
