import { setTimeout as delay } from "node:timers/promises";
import { startFauxqs } from "fauxqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededRandom } from "../../src/core/seeded-random.ts";
import { ArchiveBucket, linesOf } from "../kit/archive-bucket.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { FaultyProxy } from "../kit/faulty-proxy.ts";
import { type Moto, startMoto, whyNoMoto } from "../kit/moto.ts";
import { sendEvents } from "../kit/sender.ts";

const KILLS = 2;
const EVENTS_PER_LIFE = 3_000;
const LOAD = { key: "wk_test", eventsPerRequest: 10, connections: 4 };

let moto: Moto | undefined;

beforeAll(async () => {
  moto = await startMoto();
}, 360_000);

afterAll(async () => moto?.[Symbol.asyncDispose]());

function configuration(endpoint: string, bucket: string, settings = ""): string {
  return `
node: node
workers: 1
journal: { dir: ./data/journal, durability: os }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: archive
    type: s3
    bucket: ${bucket}
    region: us-east-1
    endpoint: ${endpoint}
    prefix: web
    batch: { maxEvents: 300, maxAgeMs: 40 }
    retry: { minDelayMs: 10, maxDelayMs: 200 }
${settings}`;
}

/** Sends to a collector that is killed again and again; returns what was acknowledged, and what is in the bucket. */
async function killUnderLoad(endpoint: string, bucket: ArchiveBucket, settings = "") {
  await using dir = await temporaryDir();
  const yaml = configuration(endpoint, bucket.name, settings);
  const acknowledged = new Set<string>();
  for (let life = 0; life < KILLS; life++) {
    await using collector = await CollectorProcess.start(dir.path, yaml);
    const before = (await bucket.keys()).length;
    const abort = new AbortController();
    const sending = sendEvents({ ...LOAD, url: collector.url, events: EVENTS_PER_LIFE, signal: abort.signal });
    // In the middle of it: some objects are written, and others on their way.
    await expect.poll(async () => (await bucket.keys()).length, { timeout: 15_000 }).toBeGreaterThan(before + 1);
    await delay(5 * life);
    await collector.kill();
    abort.abort();
    for (const id of (await sending).acknowledged) acknowledged.add(id);
  }
  await using collector = await CollectorProcess.start(dir.path, yaml);
  const ledger = await collector.settled();
  expect(ledger.balanced).toBe(true);
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  return { acknowledged, stored: await idsIn(bucket) };
}

async function idsIn(bucket: ArchiveBucket): Promise<string[]> {
  return linesOf(await bucket.text()).map((line) => (JSON.parse(line.toString()) as { id: string }).id);
}

test("kill -9 under load: each acknowledged event is in the bucket exactly once (moto)", async ({ skip }) => {
  if (moto === undefined) return skip(whyNoMoto);
  using bucket = await ArchiveBucket.create(moto.url, "killed");
  const { acknowledged, stored } = await killUnderLoad(moto.url, bucket);
  const ids = new Set(stored);
  expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(0);
  expect(stored.length - ids.size, "events that are there twice").toBe(0);
}, 90_000);

test("a bucket that fails, and cuts answers off, has each event exactly once in the end, with a kill -9 in between (moto)", async ({
  skip,
}) => {
  if (moto === undefined) return skip(whyNoMoto);
  using bucket = await ArchiveBucket.create(moto.url, "failing");
  await using proxy = await FaultyProxy.open(moto.url);
  await using dir = await temporaryDir();
  const yaml = configuration(proxy.url, bucket.name, "    maxInFlight: 2\n");
  const random = seededRandom(7);
  proxy.faultOf = () => {
    const dice = random();
    if (dice < 0.2) return "reset-after";
    if (dice < 0.3) return "reset-before";
    return dice < 0.5 ? { status: 503, body: "<Error><Code>SlowDown</Code></Error>" } : "pass";
  };
  const acknowledged = new Set<string>();
  for (let life = 0; life < 2; life++) {
    await using collector = await CollectorProcess.start(dir.path, yaml);
    const sent = await sendEvents({ ...LOAD, url: collector.url, events: 2_000 });
    for (const id of sent.acknowledged) acknowledged.add(id);
    if (life === 0) {
      await expect.poll(async () => (await bucket.keys()).length, { timeout: 15_000 }).toBeGreaterThan(2);
      await collector.kill();
      continue;
    }
    const ledger = await collector.settled(60_000);
    expect(ledger.balanced).toBe(true);
  }
  const stored = await idsIn(bucket);
  expect(acknowledged.size).toBe(4_000);
  expect(stored.toSorted()).toEqual([...acknowledged].toSorted());
}, 90_000);

test("kill -9 under load loses nothing where If-None-Match is not honoured (fauxqs)", async ({ annotate }) => {
  const server = await startFauxqs({ port: 0, logger: false });
  using bucket = await ArchiveBucket.create(server.address, "events");
  const { acknowledged, stored } = await killUnderLoad(server.address, bucket, "    conditionalWrites: false\n");
  const ids = new Set(stored);
  expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
  await annotate(`${stored.length - ids.size} of ${stored.length} events are there twice`);
  await server.stop();
}, 90_000);
