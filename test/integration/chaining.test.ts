import { mkdir, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { millraceConfig } from "../../src/app/config.ts";
import { CollectorProcess, type LedgerReply, temporaryDir } from "../kit/collector-process.ts";
import { freePort } from "../kit/free-port.ts";
import { HttpReceiver } from "../kit/http-receiver.ts";
import { jsonLines } from "../kit/json-lines.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const COMMON = `
journal: { dir: ./data/journal, durability: os, maxBytes: 256MiB }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
log: { level: error }
`;

/** Of the region: with two, a receipt is asked for at a worker that may not be the one that gave it. */
const WORKERS = 2;

interface EdgeOptions {
  readonly ack?: string;
  readonly ackTimeoutMs?: number;
  readonly timeoutMs?: number;
  readonly maxEvents?: number;
}

/** A collector that hands on what it takes to the one at a port, and keeps a copy of its own. */
function edgeYaml(regionPort: number, options: EdgeOptions = {}): string {
  const { ack = "delivered", ackTimeoutMs = 60_000, timeoutMs = 15_000, maxEvents = 500 } = options;
  return `${COMMON}
workers: 1
http: { ackTimeoutMs: ${ackTimeoutMs} }
sources:
  - { name: web, keys: [wk_web], clientIp: full }
sinks:
  - name: region
    type: http
    url: http://127.0.0.1:${regionPort}/v1/events
    compression: zstd
    millrace: { key: wk_edges, ack: ${ack}, pollMs: 50 }
    timeoutMs: ${timeoutMs}
    batch: { maxEvents: ${maxEvents}, maxAgeMs: 20 }
    retry: { maxDelayMs: 500 }
  - { name: copy, type: file, dir: ./data/events, required: false, compression: none, batch: { maxAgeMs: 20 } }
`;
}

const FILES = "  - { name: files, type: file, dir: ./data/events, compression: none, batch: { maxAgeMs: 20 } }";

function regionYaml(options: { sinks?: string; http?: string; schemas?: string } = {}): string {
  return `${COMMON}
workers: ${WORKERS}
http: ${options.http ?? "{}"}
${options.schemas ?? ""}
sources:
  - { name: edges, keys: [wk_edges], relay: true, validation: enforce }
sinks:
${options.sinks ?? FILES}
`;
}

async function places(): Promise<AsyncDisposable & { edge: string; region: string }> {
  const dir = await temporaryDir();
  const [edge, region] = [path.join(dir.path, "edge"), path.join(dir.path, "region")];
  await Promise.all([mkdir(edge), mkdir(region)]);
  return { edge, region, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

function idOf(line: string): string {
  return (JSON.parse(line) as { id: string }).id;
}

async function storedIds(dir: string): Promise<string[]> {
  return (await jsonLines(path.join(dir, "data/events"))).map((line) => idOf(line));
}

async function post(node: CollectorProcess, events: readonly unknown[], query: string): Promise<Response> {
  return fetch(`${node.url}${query}`, {
    method: "POST",
    headers: { authorization: "Bearer wk_web", "content-type": "application/json" },
    body: JSON.stringify(events),
  });
}

async function metricsOf(node: CollectorProcess): Promise<string> {
  return (await fetch(`http://127.0.0.1:${node.adminPort}/metrics`)).text();
}

/** The row of the edge's sink `region`. */
function relayed(ledger: LedgerReply) {
  return ledger.rows.find(({ sink }) => sink === "region");
}

function visits(count: number, data: object = {}) {
  return Array.from({ length: count }, (_, n) => ({ id: `v${n}`, type: "page.viewed", data: { n, ...data } }));
}

test("the configurations in the documentation are valid", () => {
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/chaining.md"), "utf8");
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = ""]) => yaml);
  expect(examples).toHaveLength(2);
  for (const yaml of examples) {
    const config: unknown = parse(yaml.replaceAll(/\$\{(\w+)\}/g, "$1"));
    expect(millraceConfig.safeParse(config).error?.issues ?? []).toEqual([]);
  }
});

test("what is acknowledged as delivered at the edge is in the region's sink, also when the region is killed under load", async () => {
  const EVENTS = 4_000;
  await using dirs = await places();
  const port = await freePort();
  let region = await CollectorProcess.start(dirs.region, regionYaml(), {}, port);
  try {
    await using edge = await CollectorProcess.start(dirs.edge, edgeYaml(port));
    const sending = sendEvents({
      url: edge.url,
      key: "wk_web",
      events: EVENTS,
      eventsPerRequest: 10,
      connections: 8,
      query: "?ack=delivered",
    });
    for (const share of [0.2, 0.5]) {
      await waitFor(async () => (relayed(await edge.ledger())?.delivered ?? 0) > share * EVENTS, 60_000);
      await region.kill();
      region = await CollectorProcess.start(dirs.region, regionYaml(), {}, port);
    }
    const sent = await sending;
    const stored = await storedIds(dirs.region);
    const unique = new Set(stored);
    // Before anything is waited for: the answer itself was the promise.
    expect([...sent.acknowledged].filter((id) => !unique.has(id))).toEqual([]);
    expect(sent.acknowledged.size).toBe(EVENTS);

    const [atEdge, atRegion] = [await edge.settled(), await region.settled()];
    expect(atEdge).toMatchObject({ balanced: true, accepted: { web: EVENTS } });
    expect(relayed(atEdge)).toMatchObject({ delivered: EVENTS, deadLettered: 0, dropped: {}, held: 0 });
    const { edges: taken = 0 } = atRegion.accepted;
    expect(atRegion).toMatchObject({ balanced: true, rows: [{ sink: "files", delivered: taken, held: 0 }] });
    // A batch whose answer the kill took is sent again, and so is what the region had not yet noted as delivered.
    const duplicates = (await storedIds(dirs.region)).length - unique.size;
    console.info(`chained, region killed twice: ${EVENTS} events, ${duplicates} duplicates in the region's sink`);
    expect(taken).toBeGreaterThanOrEqual(EVENTS);
    expect(duplicates).toBeLessThan(EVENTS / 2);
  } finally {
    await region.kill();
  }
}, 120_000);

test("while the region is down the edge answers 202, and its receipt says delivered once the region has it", async () => {
  await using dirs = await places();
  const port = await freePort();
  await using edge = await CollectorProcess.start(dirs.edge, edgeYaml(port, { ackTimeoutMs: 300 }));
  const reply = await post(edge, visits(3), "?ack=delivered");
  expect(reply.status).toBe(202);
  const { receipt, delivery } = (await reply.json()) as { receipt: string; delivery: string };
  expect(delivery).toBe("pending");
  const state = async () => {
    const answer = await fetch(`http://127.0.0.1:${edge.port}/v1/receipts/${receipt}?events=3&key=wk_web`);
    return ((await answer.json()) as { delivery: string }).delivery;
  };
  expect(await state()).toBe("pending");

  await using region = await CollectorProcess.start(dirs.region, regionYaml(), {}, port);
  await waitFor(async () => (await state()) === "delivered", 30_000);
  expect(new Set(await storedIds(dirs.region))).toEqual(new Set(["v0", "v1", "v2"]));
  expect((await region.settled()).balanced).toBe(true);
}, 60_000);

test("what the region has accepted is asked about and not sent again, however long its sinks take", async () => {
  await using dirs = await places();
  await using receiver = await HttpReceiver.start();
  receiver.answer = () => ({ status: 503 });
  const http = `  - { name: hook, type: http, url: "${receiver.url}", batch: { maxAgeMs: 20 }, retry: { maxDelayMs: 200 } }`;
  const yaml = regionYaml({ sinks: http, http: "{ ackTimeoutMs: 50 }" });
  await using region = await CollectorProcess.start(dirs.region, yaml);
  // Several writes of the edge end before the region delivers.
  await using edge = await CollectorProcess.start(dirs.edge, edgeYaml(region.port, { timeoutMs: 300 }));
  const answer = post(edge, visits(20), "?ack=delivered");
  await waitFor(async () => (await metricsOf(edge)).includes('retried_events_total{sink="region"'), 30_000);
  receiver.answer = () => ({ status: 204 });

  expect((await answer).status).toBe(201);
  expect((await region.settled()).accepted).toEqual({ edges: 20 });
  expect(receiver.requests.flatMap(({ body }) => body.toString().trim().split("\n"))).toHaveLength(20);
  expect((await edge.settled()).balanced).toBe(true);
}, 60_000);

test("what the region does not accept is in the edge's dead letters with the region's reasons, and the rest goes on", async () => {
  await using dirs = await places();
  const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  await mkdir(path.join(dirs.region, "schemas"));
  await writeFile(path.join(dirs.region, "schemas/page.viewed.json"), JSON.stringify(schema));
  const yaml = regionYaml({ schemas: "schemas: { dir: ./schemas }", http: "{ maxEventBytes: 4KiB }" });
  await using region = await CollectorProcess.start(dirs.region, yaml);
  await using edge = await CollectorProcess.start(dirs.edge, edgeYaml(region.port));
  const bad = [
    { id: "bad", type: "page.viewed", data: { n: "one" } },
    { id: "large", type: "page.viewed", data: { n: 1, pad: "x".repeat(5_000) } },
  ];
  const reply = await post(edge, [...visits(3), ...bad], "?ack=delivered");
  expect(reply.status).toBe(202);
  expect(await reply.json()).toMatchObject({ delivery: "undelivered" });

  const ledger = await edge.settled();
  expect(ledger.balanced).toBe(true);
  expect(relayed(ledger)).toMatchObject({ accepted: 5, delivered: 3, deadLettered: 2 });
  const letters = (await jsonLines(path.join(dirs.edge, "data/dead-letters"))).join("\n");
  expect(letters).toMatch(/rejected_by_sink[^\n]*type at \/data\/n: [^\n]*whole number/);
  expect(letters).toMatch(/rejected_by_sink[^\n]*event_too_large/);
  expect(await region.settled()).toMatchObject({ balanced: true, accepted: { edges: 3 }, quarantined: { edges: 2 } });
}, 60_000);

test("an event that a sink of the region refuses for good is a dead letter on both nodes", async () => {
  await using dirs = await places();
  await using receiver = await HttpReceiver.start();
  receiver.answer = ({ body }) => (body.includes('"n":2') ? { status: 422, body: "not n=2" } : { status: 204 });
  const http = `  - { name: hook, type: http, url: "${receiver.url}", batch: { maxAgeMs: 20 } }`;
  await using region = await CollectorProcess.start(dirs.region, regionYaml({ sinks: http }));
  await using edge = await CollectorProcess.start(dirs.edge, edgeYaml(region.port));
  expect((await post(edge, visits(5), "?ack=delivered")).status).toBe(202);
  expect(relayed(await edge.settled())).toMatchObject({ delivered: 4, deadLettered: 1 });
  expect(await region.settled()).toMatchObject({ rows: [{ sink: "hook", delivered: 4, deadLettered: 1 }] });
  const [letter = ""] = await jsonLines(path.join(dirs.edge, "data/dead-letters"));
  expect(letter).toMatch(/the receiver's sink hook refused it: see its dead letters \([01]-\d+\)/);
}, 60_000);

test("a batch that is too large for the region is divided", async () => {
  await using dirs = await places();
  const yaml = regionYaml({ http: "{ maxEventBytes: 4KiB, maxRequestBytes: 16KiB }" });
  await using region = await CollectorProcess.start(dirs.region, yaml);
  await using edge = await CollectorProcess.start(dirs.edge, edgeYaml(region.port));
  const reply = await post(edge, visits(40, { pad: "x".repeat(2_000) }), "?ack=delivered");
  expect(reply.status).toBe(201);
  expect(new Set(await storedIds(dirs.region)).size).toBe(40);
  expect((await edge.settled()).balanced).toBe(true);
}, 60_000);

test("at every level the region has the edge's bytes, with its own place beside the edge's", async () => {
  const levels = ["received", "accepted", "durable"];
  await using dirs = await places();
  await using region = await CollectorProcess.start(dirs.region, regionYaml());
  const sinks = levels.map(
    (ack) =>
      `  - { name: ${ack}, type: http, url: "http://127.0.0.1:${region.port}/v1/events", millrace: { key: wk_edges, ack: ${ack} }, batch: { maxAgeMs: 20 }, when: type == "${ack}" }`,
  );
  await using edge = await CollectorProcess.start(dirs.edge, `${edgeYaml(region.port)}${sinks.join("\n")}`);
  for (const type of levels) {
    const reply = await fetch(edge.url, {
      method: "POST",
      headers: { authorization: "Bearer wk_web", "content-type": "application/json", "user-agent": "shop/1" },
      body: `{"type":"${type}","source":"urn:shop","data":{"n":1.50,"n":12345678901234567890}}`,
    });
    expect(reply.status).toBe(201);
  }
  expect((await edge.settled()).balanced).toBe(true);
  // Each event comes by the sink of its level, and by the one that waits until it is delivered.
  await waitFor(async () => (await storedIds(dirs.region)).length === 2 * levels.length, 30_000);
  expect(await region.settled()).toMatchObject({ balanced: true, accepted: { edges: 2 * levels.length } });
  const atEdge = await jsonLines(path.join(dirs.edge, "data/events"));
  const atRegion = await jsonLines(path.join(dirs.region, "data/events"));
  for (const line of atRegion) expect(line).toMatch(/,"via":"[^"/]+\/[01]-\d"\}$/);
  const carried = atRegion.map((line) => line.replace(/,"via":"[^"]*"\}$/, "}"));
  expect(new Set(carried)).toEqual(new Set(atEdge));
  expect(JSON.parse(atRegion[0] ?? "")).toMatchObject({ source: "web", clientip: "127.0.0.1", useragent: "shop/1" });
}, 60_000);
