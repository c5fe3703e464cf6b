import assert from "node:assert/strict";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Fate, Receipt } from "../../src/core/sink.ts";
import { kinesisConfig } from "../../src/sinks/kinesis/config.ts";
import { createKinesisSink, type KinesisSink } from "../../src/sinks/kinesis/sink.ts";
import {
  type CallFailure,
  decodeRecord,
  type KinesisStandIn,
  type KinesisStandInOptions,
  REAL_SHARD_LIMITS,
  type RecordFormat,
  startKinesisStandIn,
} from "../../src/testing.ts";
import { openKinesalite } from "../kit/kinesalite.ts";

const LOG = pino({ level: "silent" });
const FORMATS = [
  { format: "none", compression: "none" },
  { format: "kpl", compression: "none" },
  { format: "kpl", compression: "none", partitionKey: "/data/user", buckets: 8 },
  { format: "ndjson", compression: "none" },
  { format: "ndjson", compression: "gzip" },
  { format: "ndjson", compression: "zstd", partitionKey: "random" },
] as const;

beforeEach(() => {
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});

afterEach(() => vi.unstubAllEnvs());

function openSink(endpoint: string, change: object = {}): KinesisSink {
  const least = { name: "stream", type: "kinesis", stream: "events", region: "us-east-1", timeoutMs: 2_000 };
  return createKinesisSink(kinesisConfig.parse({ ...least, endpoint, ...change }), { log: LOG });
}

function eventsOf(count: number, from = 0): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const position = from + index;
    const json = JSON.stringify({
      id: `id-${position}`,
      data: { user: `u${position % 17}`, text: "déjà vu ".repeat(8) },
    });
    return { position, id: `id-${position}`, type: "t", source: "s", receivedMs: 0, bytes: Buffer.from(json) };
  });
}

function write(sink: KinesisSink, batch: readonly CollectedEvent[]): Promise<Receipt> {
  return sink.write(batch, AbortSignal.timeout(10_000));
}

/** Texts of the events, sorted: no order is promised across records. */
function textsOf(events: readonly { readonly bytes: Buffer }[]): string[] {
  return events.map(({ bytes }) => bytes.toString()).toSorted();
}

function textsIn(standIn: KinesisStandIn, format: RecordFormat = "none"): string[] {
  return standIn.records
    .flatMap(({ data, partitionKey }) => decodeRecord(data, partitionKey, format))
    .map(({ data }) => data.toString())
    .toSorted();
}

describe("with kinesalite, read by the official client", () => {
  test.each(FORMATS)("every event arrives byte for byte: %j", async (format) => {
    await using stream = await openKinesalite();
    const sink = openSink(stream.endpoint, format);
    const batch = eventsOf(450);
    expect(await sink.check(AbortSignal.timeout(5_000))).toEqual([]);
    expect(await write(sink, batch)).toEqual({ kind: "delivered" });
    await sink.close();

    const records = await stream.readAll();
    const decoded = records.flatMap(({ key, data }) => decodeRecord(data, key, format.format));
    expect(decoded.map(({ data }) => data.toString()).toSorted()).toEqual(textsOf(batch));
    expect(records.length <= 500 && (format.format === "none" || records.length < 100)).toBe(true);
  });

  test("a stream that is not there is a problem when checked, and holds events back when written", async () => {
    await using stream = await openKinesalite();
    const sink = openSink(stream.endpoint, { stream: "other" });
    expect(await sink.check(AbortSignal.timeout(5_000))).toEqual([expect.stringContaining("no such stream")]);
    expect(await write(sink, eventsOf(2))).toMatchObject({ kind: "retryable" });
    await sink.close();
  });
});

/** A stand-in and a sink that delivers to it. */
async function openPair(options: KinesisStandInOptions = {}, change: object = {}) {
  const standIn = await startKinesisStandIn({ shards: 4, ...options });
  const sink = openSink(standIn.url, change);
  return {
    standIn,
    sink,
    async [Symbol.asyncDispose]() {
      await standIn.down();
      await sink.close();
    },
  };
}

function fatesOf(receipt: Receipt, count: number): readonly Fate[] {
  if (receipt.kind === "partial") return receipt.fates;
  const fate: Fate =
    receipt.kind === "delivered"
      ? receipt
      : { kind: receipt.kind === "refused" ? "rejected" : "retryable", reason: receipt.reason };
  return Array.from({ length: count }, () => fate);
}

/** Writes what is not delivered again, at most 100 times, as a pipeline would. */
async function deliverAll(sink: KinesisSink, batch: readonly CollectedEvent[]): Promise<void> {
  let held = batch;
  for (let attempt = 0; attempt < 100 && held.length > 0; attempt++) {
    const fates = fatesOf(await write(sink, held), held.length);
    held = held.filter((_, index) => fates[index]?.kind !== "delivered");
  }
  expect(held).toEqual([]);
}

describe("with failures", () => {
  test.each(FORMATS)("failed records alone are retried, and every event arrives exactly once: %j", async (format) => {
    const small = format.format !== "none" && { recordBytes: "2KiB" };
    await using pair = await openPair({ faults: { records: { ratio: 0.3 } } }, { ...format, ...small });
    const batch = eventsOf(400);
    await deliverAll(pair.sink, batch);
    expect(textsIn(pair.standIn, format.format)).toEqual(textsOf(batch));
    expect(pair.standIn.counts.failedRecords).toBeGreaterThan(0);
  });

  test("events in failed records are retryable, the others delivered", async () => {
    await using pair = await openPair({ faults: { records: { ratio: 0.5, codes: ["InternalFailure"] } } });
    const batch = eventsOf(100);
    const fates = fatesOf(await write(pair.sink, batch), 100);
    const delivered = batch.filter((_, index) => fates[index]?.kind === "delivered");
    expect(textsIn(pair.standIn)).toEqual(textsOf(delivered));
    expect(fates.filter((fate) => fate.kind === "retryable").length).toBe(100 - delivered.length);
    expect(delivered.length).toBeGreaterThan(10);
    expect(delivered.length).toBeLessThan(90);
  });

  const NOT_STORED: CallFailure[] = [
    "throttled",
    "internal-failure",
    "unavailable",
    "access-denied",
    "bad-gateway",
    "reset-before-commit",
  ];
  test.each(NOT_STORED)("%s: nothing is stored, all is retryable, and goes through once it is over", async (kind) => {
    await using pair = await openPair({ faults: { calls: { ratio: 1, kinds: [kind] } } });
    const batch = eventsOf(10);
    expect(await write(pair.sink, batch)).toEqual({ kind: "retryable", reason: expect.stringMatching(/\w+/) });
    expect(pair.standIn.records).toEqual([]);
    pair.standIn.faults = {};
    expect(await write(pair.sink, batch)).toEqual({ kind: "delivered" });
  });

  const UNTOLD: CallFailure[] = ["reset-after-commit", "empty-reply", "truncated-reply"];
  test.each(UNTOLD)("%s: all is stored, but never taken for delivered", async (kind) => {
    await using pair = await openPair({ faults: { calls: { ratio: 1, kinds: [kind] } } });
    expect(await write(pair.sink, eventsOf(10))).toMatchObject({ kind: "retryable" });
    expect(pair.standIn.records.length).toBe(10);
    expect(pair.standIn.records.every(({ call }) => !call.told)).toBe(true);
  });

  test("a duplicate arises only from a call whose outcome was never told", async () => {
    const kinds: CallFailure[] = [...NOT_STORED, ...UNTOLD];
    await using pair = await openPair({ faults: { calls: { ratio: 0.4, kinds }, records: { ratio: 0.2 } }, seed: 7 });
    for (let round = 0; round < 20; round++) await deliverAll(pair.sink, eventsOf(20, round * 20));

    const told = new Map<string, number>();
    for (const { partitionKey, call } of pair.standIn.records) {
      told.set(partitionKey, (told.get(partitionKey) ?? 0) + (call.told ? 1 : 0));
    }
    expect(told.size).toBe(400);
    expect([...told.values()].every((times) => times === 1)).toBe(true);
    expect(pair.standIn.records.length).toBeGreaterThan(400);
  });

  test("a call that hangs ends with the timeout, or at once when aborted", async () => {
    await using pair = await openPair({ faults: { calls: { ratio: 1, kinds: ["hang"] } } }, { timeoutMs: 300 });
    const startMs = performance.now();
    expect(await write(pair.sink, eventsOf(1))).toMatchObject({ kind: "retryable" });
    const aborted = pair.sink.write(eventsOf(1), AbortSignal.timeout(20));
    expect(await aborted).toMatchObject({ kind: "retryable", reason: expect.stringContaining("given up") });
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test("a shard's limit throttles what exceeds it, as AWS does", async () => {
    await using pair = await openPair({ shards: 1, faults: { shardLimits: REAL_SHARD_LIMITS } });
    expect(await write(pair.sink, eventsOf(500))).toEqual({ kind: "delivered" });
    expect(await write(pair.sink, eventsOf(500))).toEqual({ kind: "delivered" });
    const fates = fatesOf(await write(pair.sink, eventsOf(500)), 500);
    const throttled = fates.filter((fate) => fate.kind === "retryable");
    expect(throttled.length).toBeGreaterThan(0);
    expect(throttled[0]?.reason).toContain("a shard is at its limit");
  });

  test("while the service is down writes are retryable, and go through when it is up again", async () => {
    await using pair = await openPair();
    await pair.standIn.down();
    expect(await write(pair.sink, eventsOf(5))).toMatchObject({ kind: "retryable" });
    expect(await pair.sink.check(AbortSignal.timeout(1_000))).toEqual([
      expect.stringContaining("no reply from 127.0.0.1"),
    ]);
    await pair.standIn.up();
    expect(await write(pair.sink, eventsOf(5))).toEqual({ kind: "delivered" });
  });

  test("credentials that expire are replaced at the next attempt", async () => {
    await using pair = await openPair();
    expect(await write(pair.sink, eventsOf(5))).toEqual({ kind: "delivered" });

    pair.standIn.faults = { expiredAccessKeys: ["AKTEST"] };
    expect(await write(pair.sink, eventsOf(5, 5))).toEqual({
      kind: "retryable",
      reason: expect.stringContaining("credentials have expired"),
    });
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKROTATED");
    expect(await write(pair.sink, eventsOf(5, 5))).toEqual({ kind: "delivered" });
    expect(new Set(pair.standIn.records.map(({ call }) => call.accessKeyId))).toEqual(new Set(["AKTEST", "AKROTATED"]));
  });

  test("an event the stream is too small for is refused, not retried for ever", async () => {
    await using pair = await openPair({ maxRecordBytes: 1024 });
    const [event] = eventsOf(1);
    assert(event);
    expect(await write(pair.sink, [{ ...event, bytes: Buffer.alloc(2_000, "x") }])).toMatchObject({ kind: "refused" });
    expect(await pair.sink.check(AbortSignal.timeout(1_000))).toEqual([expect.stringContaining("maxRecordBytes")]);
  });

  test("aggregates are never sent to a stream that ignores partition keys", async () => {
    await using pair = await openPair({ recordDistribution: "AUTO" }, { format: "kpl" });
    const reason = expect.stringContaining("silently drop");
    expect(await write(pair.sink, eventsOf(5))).toEqual({ kind: "retryable", reason });
    expect(await pair.sink.check(AbortSignal.timeout(1_000))).toEqual([reason]);
    expect(pair.standIn.counts.calls).toBe(0);
  });
});
