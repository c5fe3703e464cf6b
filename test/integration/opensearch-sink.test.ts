import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { SearchNode, whyNoServer } from "../kit/opensearch.ts";
import { sendEvents } from "../kit/sender.ts";

let node: SearchNode;

beforeAll(async () => {
  // One thread and one place in its queue: four batches at a time are too many, and are answered 429.
  const started = await SearchNode.start("opensearch", "thread_pool.write.size: 1\nthread_pool.write.queue_size: 1");
  if (started !== undefined) node = started;
}, 600_000);

beforeEach((context) => {
  if (whyNoServer !== "") context.skip(whyNoServer);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

function configOf(index: string, more = ""): string {
  return `
workers: 1
journal: { dir: ./data/journal, durability: os }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: search
    type: opensearch
    urls: [${node.url}]
    index: ${index}
    batch: { maxEvents: 200, maxAgeMs: 50 }
    retry: { minDelayMs: 10, maxDelayMs: 200 }
    timeoutMs: 5000
    setup: { data: dynamic, replicas: 0 }
${more}`;
}

/** Runs `millrace setup opensearch --apply`; the node has no plugin for retention, which makes it fail in that alone. */
async function setUp(collector: CollectorProcess): Promise<{ kind: string; outcome: string; problem?: string }[]> {
  const failure: unknown = await collector.command("setup", "opensearch", "--apply", "--json").catch((error) => error);
  const { stdout } = failure as { stdout: string };
  const [plan] = JSON.parse(stdout) as { steps: { kind: string; outcome: string; problem?: string }[] }[];
  return plan?.steps ?? [];
}

async function metricsOf(collector: CollectorProcess): Promise<string> {
  return (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
}

test("what was acknowledged is in the server, exactly once by id, though the node is overloaded, and killed mid-load", async () => {
  await using dir = await temporaryDir();
  await using collector = await CollectorProcess.start(dir.path, configOf("killed"));
  const steps = await setUp(collector);
  expect(steps.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
    "retention policy failed",
    "index template done",
    "data stream done",
  ]);
  expect(steps[0]?.problem).toContain("no management of indices");
  expect((await setUp(collector)).slice(1).map(({ outcome }) => outcome)).toEqual(["nothing to do", "nothing to do"]);

  const stop = new AbortController();
  const sending = sendEvents({
    url: collector.url,
    key: "wk_test",
    events: 12_000,
    eventsPerRequest: 20,
    connections: 8,
    signal: stop.signal,
  });
  await expect.poll(() => node.count("killed"), { timeout: 30_000 }).toBeGreaterThan(500);
  await node.kill();
  await new Promise((resolve) => setTimeout(resolve, 300));
  stop.abort();
  const { acknowledged, refused } = await sending;
  expect([...refused.keys()]).toEqual([]);
  await node.restart();
  const ledger = await collector.settled(120_000);

  expect(ledger.rows).toMatchObject([{ sink: "search", delivered: acknowledged.size, held: 0 }]);
  expect(await node.count("killed")).toBe(acknowledged.size);
  const metrics = await metricsOf(collector);
  expect(metrics).toContain('reason="no_reply_from');
  expect(metrics).toContain('reason="rejected_execution_exception');
}, 240_000);

test("an event whose mapping conflicts is a dead letter with the server's words; its neighbours are delivered", async () => {
  await using dir = await temporaryDir();
  await using collector = await CollectorProcess.start(dir.path, configOf("conflicts"));
  await setUp(collector);
  const post = async (events: object[]): Promise<void> => {
    const response = await fetch(collector.url, {
      method: "POST",
      headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
      body: JSON.stringify(events),
    });
    expect(response.status).toBe(201);
  };
  const eventOf = (n: unknown, index: number) => ({ id: `e-${index}`, type: "page.viewed", data: { n } });
  await post([eventOf(1, 0)]);
  await collector.settled();
  const values = Array.from({ length: 20 }, (_, index) => (index % 5 === 4 ? "no number" : index));
  await post(values.map((value, index) => eventOf(value, index + 1)));
  const ledger = await collector.settled(60_000);

  expect(ledger).toMatchObject({ balanced: true, rows: [{ delivered: 17, deadLettered: 4 }] });
  expect(await node.count("conflicts")).toBe(17);
  const letters = path.join(dir.path, "data/dead-letters");
  const files = (await readdir(letters, { recursive: true })).filter((name) => name.endsWith(".ndjson"));
  const lines = (await Promise.all(files.map((name) => readFile(path.join(letters, name), "utf8")))).join("");
  expect(lines.match(/mapper_parsing_exception/g)).toHaveLength(4);
  expect(lines).toContain("failed to parse field [data.n] of type [long]");
}, 120_000);

test("no time of a sender's keeps its neighbours out", async () => {
  await using dir = await temporaryDir();
  await using collector = await CollectorProcess.start(dir.path, configOf("hostile"));
  await setUp(collector);
  const late = { id: "late", type: "page.viewed", time: "9999-12-31T23:59:59-01:00" };
  const response = await fetch(collector.url, {
    method: "POST",
    headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
    body: JSON.stringify([{ id: "good", type: "page.viewed" }, late]),
  });
  expect(response.status).toBe(201);
  const ledger = await collector.settled(60_000);
  expect(ledger.rows).toMatchObject([{ delivered: 2, held: 0 }]);
  expect([...(await node.documents("hostile")).keys()].toSorted()).toEqual(["good", "late"]);
}, 120_000);

test("events that are sent again are found by their id and counted, not stored twice", async () => {
  await using dir = await temporaryDir();
  const more = configOf("twice")
    .slice(configOf("twice").indexOf("  - name: search"))
    .replace("name: search", "name: again");
  await using collector = await CollectorProcess.start(dir.path, configOf("twice", more));
  await setUp(collector);
  const sent = await sendEvents({
    url: collector.url,
    key: "wk_test",
    events: 500,
    eventsPerRequest: 50,
    connections: 2,
  });
  await collector.settled(60_000);
  expect(sent.acknowledged.size).toBe(500);
  expect(await node.count("twice")).toBe(500);
  const metrics = await metricsOf(collector);
  const counted = metrics.matchAll(/^millrace_opensearch_sink_duplicate_events_total\{.*\} (\d+)/gm);
  expect([...counted].reduce((sum, [, count]) => sum + Number(count), 0)).toBe(500);
}, 120_000);
