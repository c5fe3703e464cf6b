import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { glob, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { KinesisStreamEvent, MSKEvent } from "aws-lambda";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { decodeEvents } from "../../src/decode.ts";
import { createHandler, type Handler } from "../../src/lambda.ts";
import { kinesisConfig } from "../../src/sinks/kinesis/config.ts";
import { createKinesisSink } from "../../src/sinks/kinesis/sink.ts";
import { type KinesisStandIn, startKinesisStandIn } from "../../src/testing.ts";
import { collectedEvent } from "../conformance/sink-conformance.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
// What the handler prints, one JSON object a line.
const printed: string[] = [];
vi.spyOn(process.stdout, "write").mockImplementation((text) => {
  printed.push(String(text));
  return true;
});

const FORMATS = [
  { format: "none" },
  { format: "kpl" },
  { format: "ndjson", compression: "none" },
  { format: "ndjson", compression: "gzip" },
  { format: "ndjson", compression: "zstd" },
] as const;

const context = { getRemainingTimeInMillis: () => 60_000 };

function eventsFrom(from: number, count: number) {
  return Array.from({ length: count }, (_, index) => {
    const n = from + index;
    const event = { specversion: "1.0", id: `id-${n}`, type: "order.paid", source: "web", data: { n } };
    return collectedEvent(n, JSON.stringify(event));
  });
}

const idsFrom = (from: number, count: number) => Array.from({ length: count }, (_, index) => `id-${from + index}`);

/** The records that the collector's sink makes of the events. */
async function recordsOf(events: ReturnType<typeof eventsFrom>, change: (typeof FORMATS)[number]): Promise<Buffer[]> {
  const standIn = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => standIn.down() };
  const config = kinesisConfig.parse({ ...stream("stream", standIn), ...change });
  const sink = createKinesisSink(config, { log: pino({ level: "silent" }) });
  for (let at = 0; at < events.length; at += 500) {
    const receipt = await sink.write(events.slice(at, at + 500), AbortSignal.timeout(10_000));
    assert(receipt.kind === "delivered");
  }
  await sink.close();
  return standIn.records.map(({ data }) => data);
}

function stream(name: string, standIn: KinesisStandIn) {
  return { name, type: "kinesis" as const, stream: "events", region: "us-east-1", endpoint: standIn.url };
}

/** As the event source mapping of a stream shapes a batch. */
function kinesisEvent(records: readonly Buffer[], from = 0): KinesisStreamEvent {
  return {
    Records: records.map((data, index) => ({
      awsRegion: "us-east-1",
      eventID: `shardId-000000000000:${from + index}`,
      eventName: "aws:kinesis:record",
      eventSource: "aws:kinesis",
      eventSourceARN: "arn:aws:kinesis:us-east-1:123456789012:stream/events",
      eventVersion: "1.0",
      invokeIdentityArn: "arn:aws:iam::123456789012:role/lambda",
      kinesis: {
        approximateArrivalTimestamp: 1_795_000_000.123,
        data: data.toString("base64"),
        kinesisSchemaVersion: "1.0",
        partitionKey: "key",
        sequenceNumber: String(from + index),
      },
    })),
  };
}

/** What Lambda does with a shard: batches, in order; after failures from the lowest on again. Returns how often it invoked. */
async function mapShard(handler: Handler, records: readonly Buffer[], batchSize: number): Promise<number> {
  let invocations = 0;
  for (let from = 0; from < records.length;) {
    assert(++invocations < 50, "the mapping gets no further");
    const batch = records.slice(from, from + batchSize);
    const { batchItemFailures } = await handler(kinesisEvent(batch, from), context);
    const failed = batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier));
    from = failed.length === 0 ? from + batch.length : Math.min(...failed);
  }
  return invocations;
}

function idsHeld({ records }: KinesisStandIn): string[] {
  return records.flatMap(({ data }) => decodeEvents(data)).map((event) => String(JSON.parse(event.toString()).id));
}

function lastSummary() {
  const line = printed.findLast((text) => text.includes('"msg":"batch"'));
  assert(line !== undefined);
  return JSON.parse(line) as Record<string, unknown>;
}

test.each(FORMATS)("events in records of %j reach the sink byte for byte", async (format) => {
  const target = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({ sinks: [stream("second", target)] });
  const events = eventsFrom(0, 600);
  await mapShard(handler, await recordsOf(events, format), 10_000);
  const held = target.records.map(({ data }) => data.toString()).toSorted();
  expect(held).toEqual(events.map(({ bytes }) => bytes.toString()).toSorted());
  expect(lastSummary()).toMatchObject({
    events: 600,
    poison: 0,
    failedRecords: 0,
    sinks: { second: { delivered: 600 } },
  });
});

test("a batch of 10,000 records is taken at once", async () => {
  const target = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({ sinks: [stream("second", target)] });
  const records = eventsFrom(0, 10_000).map(({ bytes }) => bytes);
  expect(await mapShard(handler, records, 10_000)).toBe(1);
  expect(new Set(idsHeld(target)).size).toBe(10_000);
});

test("records that fail in part at the sink are retried within the invocation, and lose nothing", async () => {
  const target = await startKinesisStandIn({ faults: { records: { ratio: 0.3 } }, seed: 7 });
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({ sinks: [stream("second", target)] });
  const records = await recordsOf(eventsFrom(0, 2_000), { format: "kpl" });
  expect(await mapShard(handler, records, 100)).toBe(Math.ceil(records.length / 100));
  expect(idsHeld(target).toSorted()).toEqual(idsFrom(0, 2_000).toSorted());
});

test("while the sink is down the answer names the first record, and when it is back all arrive", async () => {
  const target = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({ sinks: [stream("second", target)], deliverWithinMs: 1_000 });
  const records = eventsFrom(0, 20).map(({ bytes }) => bytes);
  target.faults = { calls: { ratio: 1, kinds: ["unavailable"] } };
  expect(await handler(kinesisEvent(records, 40), context)).toEqual({ batchItemFailures: [{ itemIdentifier: "40" }] });
  expect(lastSummary()).toMatchObject({ events: 20, failedRecords: 20 });
  target.faults = {};
  await mapShard(handler, records, 20);
  expect(idsHeld(target).toSorted()).toEqual(idsFrom(0, 20).toSorted());
});

test("poison becomes dead letters, and what is beside it in the batch and in the record is delivered", async () => {
  const target = await startKinesisStandIn();
  const letters = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: async () => void (await Promise.all([target.down(), letters.down()])) };
  const handler = createHandler({ sinks: [stream("second", target)], deadLetters: stream("letters", letters) });
  const [aggregate = Buffer.alloc(0)] = await recordsOf(eventsFrom(0, 5), { format: "kpl" });
  const damagedAggregate = Buffer.from(aggregate);
  damagedAggregate[20] = 0xff;
  const [a, b, c] = eventsFrom(10, 3).map(({ bytes }) => bytes);
  const poison = [
    damagedAggregate,
    gzipSync("cut short, as this is").subarray(0, -5),
    Buffer.from("<xml/>"),
    Buffer.from("[1,2]"),
    Buffer.from('{"id":"x","type":"y"}'),
    Buffer.from([0xff, 0x00, 0xfe]),
  ];
  const good = [aggregate, Buffer.from(`${String(a)}\n{"broken":\n${String(b)}\n`), c ?? Buffer.alloc(0)];
  const records = [poison[0], good[0], poison[1], poison[2], good[1], poison[3], poison[4], poison[5], good[2]];
  const batch = records.map((record) => record ?? Buffer.alloc(0));
  expect(await handler(kinesisEvent(batch), context)).toEqual({ batchItemFailures: [] });
  expect(idsHeld(target).toSorted()).toEqual([...idsFrom(0, 5), ...idsFrom(10, 3)].toSorted());
  const kept = letters.records.map(({ data }) => JSON.parse(data.toString()));
  expect(kept.map(({ data }) => Buffer.from(data.eventBase64, "base64"))).toEqual(
    expect.arrayContaining([...poison, Buffer.from('{"broken":')]),
  );
  expect(kept.length).toBe(poison.length + 1);
  expect(new Set(kept.map(({ data }) => data.code))).toEqual(new Set(["undecodable_record", "not_an_event"]));
  expect(lastSummary()).toMatchObject({ events: 8, poison: 7, failedRecords: 0 });
});

test("a record that would fill the memory does not hold up its shard", async () => {
  const target = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({ sinks: [stream("second", target)] });
  const [a, b] = eventsFrom(0, 2).map(({ bytes }) => bytes);
  assert(a !== undefined && b !== undefined);
  const bomb = gzipSync(Buffer.alloc(65 * 1024 ** 2, " "));
  expect(await handler(kinesisEvent([a, bomb, b]), context)).toEqual({ batchItemFailures: [] });
  expect(idsHeld(target).toSorted()).toEqual(idsFrom(0, 2));
  expect(lastSummary()).toMatchObject({ events: 2, poison: 1, failedRecords: 0 });
});

test("poison that cannot be kept counts as failed", async () => {
  const target = await startKinesisStandIn();
  const letters = await startKinesisStandIn({ faults: { calls: { ratio: 1, kinds: ["access-denied"] } } });
  await using _ = { [Symbol.asyncDispose]: async () => void (await Promise.all([target.down(), letters.down()])) };
  const handler = createHandler({ sinks: [stream("second", target)], deadLetters: stream("letters", letters) });
  const [good] = eventsFrom(0, 1);
  const batch = [good?.bytes ?? Buffer.alloc(0), Buffer.from("poison")];
  expect(await handler(kinesisEvent(batch), context)).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
});

test("an event too large for the sink is a dead letter in the log when there is no other place", async () => {
  const target = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({ sinks: [{ ...stream("second", target), maxRecordBytes: "128KiB" }] });
  const large = JSON.stringify({ id: "large", type: "t", source: "web", data: "x".repeat(200_000) });
  const [good] = eventsFrom(0, 1);
  await handler(kinesisEvent([Buffer.from(large), good?.bytes ?? Buffer.alloc(0)]), context);
  expect(idsHeld(target)).toEqual(["id-0"]);
  const letter = printed.findLast((text) => text.includes("millrace.deadletter"));
  const { data } = JSON.parse(letter ?? "{}");
  expect(data).toMatchObject({ sink: "second", code: "event_too_large" });
  expect(Buffer.from(data.eventBase64, "base64").toString()).toBe(large);
});

test("batches of Kafka go to every sink that wants them, and each partition is retried from its own offset", async () => {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), "millrace-lambda-"));
  const target = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => target.down() };
  const handler = createHandler({
    sinks: [
      stream("second", target),
      { name: "files", type: "file", dir: directory.path, when: "data.n % 2 == 0", fileAgeMs: 100 },
    ],
    deliverWithinMs: 1_000,
  });
  const kafka = (partition: number, from: number): MSKEvent["records"][string] =>
    eventsFrom(from, 10).map(({ bytes }, index) => ({
      topic: "events",
      partition,
      offset: 500 + index,
      timestamp: 1_795_000_000_000,
      timestampType: "CREATE_TIME",
      key: "",
      value: bytes.toString("base64"),
      headers: [],
    }));
  const event: MSKEvent = {
    eventSource: "aws:kafka",
    eventSourceArn: "arn:aws:kafka:us-east-1:123456789012:cluster/c/1",
    bootstrapServers: "b-1:9092",
    records: { "events-0": kafka(0, 0), "events-1": kafka(1, 10) },
  };
  target.faults = { calls: { ratio: 1, kinds: ["unavailable"] } };
  expect(await handler(event, context)).toEqual({
    batchItemFailures: [
      { itemIdentifier: { partition: "events-0", offset: 500 } },
      { itemIdentifier: { partition: "events-1", offset: 500 } },
    ],
  });
  target.faults = {};
  expect(await handler(event, context)).toEqual({ batchItemFailures: [] });
  expect(new Set(idsHeld(target))).toEqual(new Set(idsFrom(0, 20)));
  await expect
    .poll(async () => new Set(await idsInFiles(directory.path)))
    .toEqual(new Set(idsFrom(0, 20).filter((id) => Number(id.slice(3)) % 2 === 0)));
  expect(lastSummary()).toMatchObject({ sinks: { files: { delivered: 10, filtered: 10 } } });
});

async function idsInFiles(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob(path.join(directory, "dt=*/hour=*/*"))) {
    for (const event of decodeEvents(await readFile(file))) found.push(String(JSON.parse(event.toString()).id));
  }
  return found;
}

test("what is wrong with the options is told when the function starts, not with the first batch", () => {
  expect(() => createHandler({ sinks: [] })).toThrow(/sinks/);
  const same = { name: "a", type: "memory" as const };
  expect(() => createHandler({ sinks: [same, same] })).toThrow("a name of its own");
});

test("a function that is invoked by something else says so", async () => {
  const handler = createHandler({ sinks: [{ name: "a", type: "memory" }] });
  const other = { Records: [{ s3: {} }] } as unknown as KinesisStreamEvent;
  await expect(handler(other, context)).rejects.toThrow("Kinesis and Kafka");
});

test("events too large for a sink go by claim check, in each invocation", async () => {
  const standIn = await startKinesisStandIn();
  await using _ = { [Symbol.asyncDispose]: () => standIn.down() };
  await using folder = await mkdtempDisposable(path.join(tmpdir(), "millrace-lambda-"));
  const oversize = { to: "claimCheck" as const, dir: folder.path };
  const handler = createHandler({ sinks: [{ ...stream("small", standIn), maxRecordBytes: "128KiB", oversize }] });
  const large = (id: string) =>
    Buffer.from(JSON.stringify({ specversion: "1.0", id, type: "t", source: "web", data: id.repeat(100_000) }));
  for (const id of ["one", "two"]) {
    expect(await handler(kinesisEvent([large(id)]), context)).toEqual({ batchItemFailures: [] });
  }
  const pointers = standIn.records.flatMap(({ data }) => decodeEvents(data)).map((event) => JSON.parse(String(event)));
  expect(pointers.map(({ id, datasize, data }) => [id, datasize, data])).toEqual([
    ["one", 300_002, undefined],
    ["two", 300_002, undefined],
  ]);
  for (const { dataref, id } of pointers) {
    expect(JSON.parse(await readFile(new URL(dataref), "utf8"))).toBe(id.repeat(100_000));
  }
});
