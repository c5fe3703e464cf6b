import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { readEvents } from "../../src/formats/parquet/read-events.ts";
import { startKinesisStandIn } from "../../src/testing.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";
import { waitFor } from "../kit/wait-for.ts";
import { type SendReport, sendEvents } from "../kit/sender.ts";

const KILLS = 3;
const EVENTS_BEFORE_KILL = 5_000;

test("kill -9 under load loses no acknowledged event", async () => {
  await using dir = await temporaryDir();
  const stored = new Map<string, number>();
  await using standIn = await startKinesisStandIn({
    keepRecords: false,
    onRecord: ({ data }) => stored.set(idOf(data), (stored.get(idOf(data)) ?? 0) + 1),
  });
  const config = kinesisConfig({ endpoint: standIn.url });
  const acknowledged = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    await using collector = await CollectorProcess.start(dir.path, config);
    using sending = load(collector);
    await waitFor(() => stored.size > acknowledged.size + EVENTS_BEFORE_KILL);
    await collector.kill();
    const sent = await sending.end();
    expect(sent.unanswered).toBeGreaterThan(0);
    for (const id of sent.acknowledged) acknowledged.add(id);
  }

  await using last = await CollectorProcess.start(dir.path, config);
  const ledger = await last.settled();
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  expect(ledger.balanced).toBe(true);
  expect(ledger.accepted["web"]).toBeGreaterThanOrEqual(acknowledged.size);
  const duplicates = [...stored.values()].reduce((sum, times) => sum + times - 1, 0);
  console.log(`${KILLS} kills: ${acknowledged.size} acknowledged, 0 lost, ${duplicates} delivered twice`);
}, 90_000);

test.each([
  ["gzip", "compression: gzip, fileAgeMs: 60000"],
  ["Parquet", "format: parquet"],
])(
  "kill -9 loses no acknowledged event in a file that was being written (%s)",
  async (_format, settings) => {
    await using dir = await temporaryDir();
    const config = `
journal: { dir: ./data/journal }
sources: [{ name: web, keys: [wk_test] }]
sinks: [{ name: files, type: file, dir: ./events, ${settings}, batch: { maxAgeMs: 20 } }]
`;
    const acknowledged = new Set<string>();
    {
      await using collector = await CollectorProcess.start(dir.path, config);
      using sending = load(collector);
      await waitFor(async () => ((await collector.ledger()).rows[0]?.delivered ?? 0) > 500);
      await collector.kill();
      for (const id of (await sending.end()).acknowledged) acknowledged.add(id);
    }
    await using collector = await CollectorProcess.start(dir.path, config);
    await collector.settled();
    collector.signal("SIGTERM");
    expect(await collector.exited()).toBe(0);
    const stored = await idsInFiles(path.join(dir.path, "events"));
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  },
  60_000,
);

test("SIGTERM under load delivers or keeps every acknowledged event, prints the ledger and exits 0", async () => {
  await using dir = await temporaryDir();
  const stored = new Set<string>();
  await using standIn = await startKinesisStandIn({
    keepRecords: false,
    faults: { latencyMs: { min: 20, max: 60 } },
    onRecord: ({ data }) => stored.add(idOf(data)),
  });
  await using collector = await CollectorProcess.start(dir.path, kinesisConfig({ endpoint: standIn.url }));
  using sending = load(collector);
  await waitFor(() => stored.size > 500);
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  const sent = await sending.end();
  expect(sent.acknowledged.size).toBeGreaterThan(0);
  expect([...sent.acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  expect(collector.output).toMatch(/Ledger: \d+ accepted, 0 quarantined; the ledger balances\./);
}, 60_000);

test("SIGTERM while the sink is down keeps everything in the journal, and the next start delivers it", async () => {
  await using dir = await temporaryDir();
  const stored = new Set<string>();
  await using standIn = await startKinesisStandIn({
    keepRecords: false,
    onRecord: ({ data }) => stored.add(idOf(data)),
  });
  const config = kinesisConfig({ endpoint: standIn.url, more: "shutdown: { drainMs: 2000 }" });
  const { acknowledged } = await (async () => {
    await using collector = await CollectorProcess.start(dir.path, config);
    await standIn.down();
    const sent = await sendEvents({
      url: collector.url,
      key: "wk_test",
      events: 3_000,
      eventsPerRequest: 10,
      connections: 8,
    });
    collector.signal("SIGTERM");
    expect(await collector.exited()).toBe(0);
    expect(collector.output).toMatch(/web +stream +3000 +0 +0 +0 +3000/);
    return sent;
  })();
  expect(acknowledged.size).toBe(3_000);
  await standIn.up();
  await using collector = await CollectorProcess.start(dir.path, config);
  const ledger = await collector.settled();
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  expect(ledger.rows).toEqual([
    { source: "web", sink: "stream", accepted: 3_000, delivered: 3_000, deadLettered: 0, dropped: {}, held: 0 },
  ]);
}, 60_000);

/** More load than the collector can finish; it goes on until `end`, which waits for what is on the way. */
function load(collector: CollectorProcess): Disposable & { end(): Promise<SendReport> } {
  const stop = new AbortController();
  const sending = sendEvents({
    url: collector.url,
    key: "wk_test",
    events: 1_000_000,
    eventsPerRequest: 5,
    connections: 16,
    signal: stop.signal,
  });
  return {
    end() {
      stop.abort();
      return sending;
    },
    [Symbol.dispose]: () => stop.abort(),
  };
}

async function idsInFiles(dir: string): Promise<Set<string>> {
  const { gunzipSync } = await import("node:zlib");
  const ids = new Set<string>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    expect(entry.name).toMatch(/\.(ndjson\.gz|parquet)$/);
    const bytes = await readFile(path.join(entry.parentPath, entry.name));
    if (entry.name.endsWith(".parquet")) {
      for await (const event of readEvents(Uint8Array.from(bytes).buffer)) ids.add(idOf(event.bytes));
      continue;
    }
    const text = gunzipSync(bytes).toString();
    for (const line of text.split("\n").filter((part) => part !== "")) ids.add(idOf(Buffer.from(line)));
  }
  return ids;
}
