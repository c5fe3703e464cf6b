// npm run bench:micro: what each step of an event's way through the collector costs alone, warm,
// without a server around it. The sum is the least that an event can cost.
import path from "node:path";
import { parseArgs } from "node:util";
import { crc32, gunzipSync, gzipSync } from "node:zlib";
import type { CollectedEvent } from "../src/core/event.ts";
import { scanValue } from "../src/core/json-scan.ts";
import { encodeDraft } from "../src/ingest/protocols/canonical.ts";
import { readEvent } from "../src/ingest/protocols/event-form.ts";
import type { EventLimits, IncomingEvent, IncomingItem } from "../src/ingest/protocols/incoming-event.ts";
import { parseNative } from "../src/ingest/protocols/native/parse-native.ts";
import { decodeFrame, encodeFrame, frameBytes } from "../src/journal/frame.ts";
import { Signer } from "../src/aws/signature.ts";
import { awsJson } from "../src/aws/signed-transport.ts";
import { loadSchemas } from "../src/schemas/registry.ts";
import { BufferPool } from "../src/sinks/kinesis/buffer-pool.ts";
import { encodeAggregate } from "../src/sinks/kinesis/kpl-aggregate.ts";
import { encodeLines } from "../src/sinks/kinesis/ndjson-record.ts";
import { type PooledBody, putRecordsBody } from "../src/sinks/kinesis/put-records-body.ts";
import { readPutRecordsReply } from "../src/sinks/kinesis/response.ts";
import { median } from "./measurement.ts";
import { numberOption } from "./number-option.ts";
import { sampleEvent } from "./sample-event.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    "round-ms": { type: "string", default: "200" },
    rounds: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});
const roundMs = numberOption("round-ms", values["round-ms"]);
const rounds = numberOption("rounds", values.rounds, { whole: true });

interface Codec {
  readonly name: string;
  /** Events that one call handles. */
  readonly events: number;
  /** Bytes that one call takes in. */
  readonly bytes: number;
  /** @param turn counts up, so that no two calls in a row get the same event */
  readonly call: (turn: number) => unknown;
}

/** Enough that nothing can be remembered between them. */
const EVENTS = 500;
const PER_RECORD = 31;
const LIMITS: EventLimits = {
  maxEventBytes: 1024 ** 2,
  maxEventsPerRequest: 10_000,
  maxJsonDepth: 32,
  maxJsonKeys: 10_000,
};

const bodies = Array.from({ length: EVENTS }, (_, index) => Buffer.from(sampleEvent(index)));
const objects = bodies.map((body) => JSON.parse(body.toString()) as Record<string, unknown>);
const array = Buffer.from(`[${bodies.slice(0, 20).join(",")}]`);
const lines = Buffer.from(`${bodies.slice(0, 100).join("\n")}\n`);
const gzipped = gzipSync(lines);
const incoming = bodies.map((body, index) => eventOf(readEvent(at(objects, index), body, 5)));
const validator = await loadSchemas({ dir: path.join(import.meta.dirname, "schemas"), expose: true });
const enrichment = {
  source: "web",
  receivedMs: Date.UTC(2026, 10, 27),
  clientIp: "203.0.113.0",
  attributes: "",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
  collectorPrefix: "node-1/0-",
};
const drafts = incoming.map((event, index) => encodeDraft(event, index, enrichment, undefined));
const frame = Buffer.alloc(4_096);
const frames = drafts.map((draft, index) => {
  const buffer = Buffer.alloc(frameBytes(draft));
  return { buffer, event: encodeFrame(buffer, 0, draft, index) };
});
const collected = frames.map(({ event }) => event);
const collectedBytes = sizeOf(collected);
const pool = new BufferPool(1);
const putRecordsCall = Buffer.from(putRecordsBodyOf(collected).bytes);
const signer = new Signer("kinesis", "us-east-1");
const taken = `{"SequenceNumber":"${"4".repeat(56)}","ShardId":"shardId-000000000000"}`;
const reply = Buffer.from(`{"FailedRecordCount":0,"Records":[${Array(EVENTS).fill(taken).join(",")}]}`);
const recordOf = Uint16Array.from(collected, (_, index) => index);

const codecs: readonly Codec[] = [
  each("scan", (index) => scanValue(at(bodies, index), 0, at(bodies, index).length)),
  each("text of bytes", (index) => at(bodies, index).toString("utf8")),
  each("JSON.parse", (index) => JSON.parse(at(bodies, index).toString("utf8")) as unknown),
  each("read event", (index) => readEvent(at(objects, index), at(bodies, index), 5)),
  each("validate", (index) => validator.validate("checkout.paid", undefined, at(objects, index)["data"])),
  each("body of 1, whole", (index) => drain(parseNative(at(bodies, index), "any", LIMITS))),
  many("body of 20, whole", 20, array.length, () => drain(parseNative(array, "any", LIMITS))),
  many("NDJSON of 100, whole", 100, lines.length, () => drain(parseNative(lines, "lines", LIMITS))),
  many("gunzip of 100", 100, lines.length, () => gunzipSync(gzipped)),
  each("encode draft", (index) => encodeDraft(at(incoming, index), index, enrichment, undefined)),
  each("encode frame, CRC too", (index) => encodeFrame(frame, 0, at(drafts, index), index)),
  each("CRC-32", (index) => crc32(at(frames, index).buffer)),
  each("decode frame", (index) => decodeFrame(at(frames, index).buffer, 0, at(frames, index).buffer.length)),
  many("PutRecords body of 500", EVENTS, collectedBytes, () => pool.give(putRecordsBodyOf(collected).buffer)),
  many("sign it", EVENTS, collectedBytes, sign),
  many("read the reply to it", EVENTS, collectedBytes, () => readPutRecordsReply(200, reply, EVENTS, recordOf)),
  many("kpl aggregate of 31", PER_RECORD, sizeOf(collected.slice(0, PER_RECORD)), () =>
    encodeAggregate("key", collected.slice(0, PER_RECORD)),
  ),
  ...(["gzip", "zstd"] as const).map((compression) =>
    many(`NDJSON of 100, ${compression}`, 100, sizeOf(collected.slice(0, 100)), () =>
      encodeLines(collected.slice(0, 100), compression),
    ),
  ),
];

interface Result {
  readonly name: string;
  readonly nsPerEvent: number;
  readonly nsPerKb: number;
  readonly minNsPerEvent: number;
  readonly maxNsPerEvent: number;
}

const results: Result[] = [];
if (!values.json) console.log("| | ns/event | ns/KB | min–max ns/event |\n| --- | ---: | ---: | ---: |");
for (const codec of codecs.filter(({ name }) => values.only === undefined || name.includes(values.only))) {
  const result = await measure(codec);
  results.push(result);
  const { name, nsPerEvent, nsPerKb, minNsPerEvent, maxNsPerEvent } = result;
  const spread = `${minNsPerEvent.toFixed(0)}–${maxNsPerEvent.toFixed(0)}`;
  if (!values.json) console.log(`| ${name} | ${nsPerEvent.toFixed(0)} | ${nsPerKb.toFixed(0)} | ${spread} |`);
}
if (values.json) console.log(JSON.stringify({ at: new Date().toISOString(), node: process.version, results }));

/** Medians of several rounds, after one that warms up. */
async function measure(codec: Codec): Promise<Result> {
  const timesNs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const ns = await nanosPerCall(codec);
    if (round > 0) timesNs.push(ns / codec.events);
  }
  const nsPerEvent = median(timesNs);
  return {
    name: codec.name,
    nsPerEvent,
    nsPerKb: (nsPerEvent * codec.events * 1_000) / codec.bytes,
    minNsPerEvent: Math.min(...timesNs),
    maxNsPerEvent: Math.max(...timesNs),
  };
}

async function nanosPerCall({ call, events }: Codec): Promise<number> {
  const startedMs = performance.now();
  // As many calls between two looks at the clock as make looking cheap.
  const stride = Math.max(1, Math.ceil(EVENTS / events));
  let calls = 0;
  let elapsedMs = 0;
  while (elapsedMs < roundMs) {
    for (let turn = 0; turn < stride; turn++) {
      const result = call(turn);
      if (result instanceof Promise) await result;
    }
    calls += stride;
    elapsedMs = performance.now() - startedMs;
  }
  return (elapsedMs * 1e6) / calls;
}

function each(name: string, call: (index: number) => unknown): Codec {
  return { name, events: 1, bytes: at(bodies, 0).length, call };
}

function many(name: string, events: number, bytes: number, call: () => unknown): Codec {
  return { name, events, bytes, call };
}

function putRecordsBodyOf(events: readonly CollectedEvent[]): PooledBody {
  const keys = events.map(({ id }) => id);
  const datas = events.map(({ bytes }) => bytes);
  return putRecordsBody('"StreamName":"bench"', keys, datas, pool);
}

function sign(): unknown {
  const request = {
    method: "POST",
    host: "localhost",
    path: "/",
    ...awsJson("Kinesis_20131202.PutRecords", putRecordsCall),
  };
  return signer.sign(request, { accessKeyId: "bench", secretAccessKey: "bench" }, Date.now());
}

function drain(items: Iterable<IncomingItem | undefined>): number {
  let count = 0;
  for (const item of items) if (item?.kind === "event") count++;
  return count;
}

function eventOf(item: IncomingItem): IncomingEvent {
  if (item.kind === "event") return item.event;
  throw new Error("the sample event is malformed");
}

function sizeOf(events: readonly CollectedEvent[]): number {
  return events.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}
