import { setTimeout as delay } from "node:timers/promises";
import { startFauxqs } from "fauxqs";
import { expect, test } from "vitest";
import { ArchiveBucket, linesOf } from "../kit/archive-bucket.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";
import { sendEvents } from "../kit/sender.ts";

const KILLS = 2;
const EVENTS_PER_LIFE = 3_000;

function configuration(endpoint: string, settings: string): string {
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
    bucket: events
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
  const yaml = configuration(endpoint, settings);
  const acknowledged = new Set<string>();
  for (let life = 0; life < KILLS; life++) {
    await using collector = await CollectorProcess.start(dir.path, yaml);
    const before = (await bucket.keys()).length;
    const abort = new AbortController();
    const sending = sendEvents({
      url: collector.url,
      key: "wk_test",
      events: EVENTS_PER_LIFE,
      eventsPerRequest: 10,
      connections: 4,
      signal: abort.signal,
    });
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
  const stored = linesOf(await bucket.text()).map((line) => (JSON.parse(line.toString()) as { id: string }).id);
  return { acknowledged, stored };
}

test("kill -9 under load: each acknowledged event is in the bucket exactly once (moto)", async ({ skip }) => {
  await using moto = await startMoto();
  if (moto === undefined) return skip(whyNoMoto);
  using bucket = await ArchiveBucket.create(moto.url, "events");
  const { acknowledged, stored } = await killUnderLoad(moto.url, bucket);
  const ids = new Set(stored);
  expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(0);
  expect(stored.length - ids.size, "events that are there twice").toBe(0);
}, 360_000);

test("kill -9 under load loses nothing where If-None-Match is not honoured (fauxqs)", async ({ annotate }) => {
  const server = await startFauxqs({ port: 0, logger: false });
  using bucket = await ArchiveBucket.create(server.address, "events");
  const { acknowledged, stored } = await killUnderLoad(server.address, bucket, "    conditionalWrites: false\n");
  const ids = new Set(stored);
  expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
  await annotate(`${stored.length - ids.size} of ${stored.length} events are there twice`);
  await server.stop();
}, 60_000);
