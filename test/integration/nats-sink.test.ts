import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { StreamConfig } from "@nats-io/jetstream";
import { nkeys } from "@nats-io/transport-node";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Receipt, Sink } from "../../src/core/sink.ts";
import { FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import { natsConfig } from "../../src/sinks/nats/config.ts";
import { createNatsSink } from "../../src/sinks/nats/sink.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { type NatsCluster, startNats, whyNoNats } from "../kit/nats.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const INSTALL_MS = 400_000;

vi.setConfig({ testTimeout: 120_000 });

let cluster: NatsCluster;
let why = "";

beforeAll(async () => {
  const started = await startNats({ nodes: 3 });
  if (started === undefined) why = whyNoNats;
  else cluster = started;
}, INSTALL_MS);

afterAll(() => (why === "" ? cluster[Symbol.asyncDispose]() : undefined));

beforeEach((context) => {
  if (why !== "") context.skip(why);
});

/** A stream with three replicas and a sink that publishes to it. */
async function openPair(change: object = {}, stream: Partial<StreamConfig> = {}) {
  const name = randomUUID();
  await cluster.createStream({ name, subjects: [`${name}.>`], num_replicas: 3, ...stream });
  const registry = new Registry();
  const sink = openSink({ subject: `${name}.{source}.{type}`, ...change }, registry);
  return { name, sink, registry, [Symbol.asyncDispose]: () => sink.close() };
}

function openSink(change: object, registry = new Registry()): Sink {
  const least = { name: "log", type: "nats", servers: cluster.servers, timeoutMs: 10_000 };
  return createNatsSink(natsConfig.parse({ ...least, ...change }), { registry });
}

function eventsOf(count: number, from = 0, padding = 100): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const [position, id] = [from + index, `id-${from + index} é%`];
    const bytes = Buffer.from(JSON.stringify({ id, data: { pad: "x".repeat(padding) } }));
    return { position, id, type: "order.paid", source: "web", receivedMs: 0, bytes };
  });
}

function write(sink: Sink, batch: readonly CollectedEvent[]): Promise<Receipt> {
  return sink.write(batch, AbortSignal.timeout(30_000));
}

test("events carry the headers of CloudEvents, and a subject of their source and type", async () => {
  await using pair = await openPair();
  expect(await pair.sink.check(AbortSignal.timeout(10_000))).toEqual([]);
  expect(await write(pair.sink, eventsOf(1))).toEqual({ kind: "delivered" });
  const [message] = await cluster.read(pair.name);
  expect(message?.subject).toBe(`${pair.name}.web.order.paid`);
  expect(Object.fromEntries(message?.headers ?? [])).toEqual({
    "Nats-Msg-Id": "web/id-0%20%C3%A9%25",
    "content-type": "application/cloudevents+json; charset=UTF-8",
    "ce-id": "id-0%20%C3%A9%25",
    "ce-type": "order.paid",
    "ce-source": "web",
  });
});

test("what comes again is delivered, counted, and stored once; the same id of another source is another event", async () => {
  await using pair = await openPair();
  const batch = eventsOf(20);
  expect(await write(pair.sink, batch)).toEqual({ kind: "delivered" });
  expect(await write(pair.sink, eventsOf(25))).toEqual({ kind: "delivered" });
  expect(
    await write(
      pair.sink,
      batch.map((event) => ({ ...event, source: "app" })),
    ),
  ).toEqual({ kind: "delivered" });
  expect((await cluster.read(pair.name)).length).toBe(45);
  expect(await pair.registry.metrics()).toContain('millrace_nats_sink_duplicate_events_total{sink="log"} 20');
});

test("a batch that was given up and taken all the same is stored once when it comes again", async () => {
  const server = await startNats();
  if (server === undefined) throw new Error(whyNoNats);
  await using own = server;
  await own.createStream({ name: "events", subjects: ["events.>"] });
  const registry = new Registry();
  const sink = openSink({ servers: own.servers, subject: "events.{type}" }, registry);
  expect(await write(sink, eventsOf(1))).toEqual({ kind: "delivered" });
  own.node.stall();
  const receipt = await sink.write(eventsOf(50, 1), AbortSignal.timeout(300));
  expect(receipt.kind === "partial" && receipt.fates.every(({ kind }) => kind === "retryable")).toBe(true);
  own.node.goOn();
  expect(await write(sink, eventsOf(50, 1))).toEqual({ kind: "delivered" });
  expect((await own.read("events")).length).toBe(51);
  expect(await registry.metrics()).toContain('duplicate_events_total{sink="log"} 50');
  await sink.close();
});

test("an event that is too large for the stream or the server is rejected, and the others are delivered", async () => {
  await using pair = await openPair({ maxPayloadBytes: "4MiB" }, { max_msg_size: 4_000 });
  const batch = [...eventsOf(3), ...eventsOf(1, 3, 5_000), ...eventsOf(1, 4, 2_000_000), ...eventsOf(3, 5)];
  const delivered = { kind: "delivered" };
  expect(await write(pair.sink, batch)).toEqual({
    kind: "partial",
    fates: [
      delivered,
      delivered,
      delivered,
      { kind: "rejected", reason: expect.stringContaining("max_msg_size") },
      { kind: "rejected", reason: expect.stringContaining("max_payload of 1048576 bytes") },
      delivered,
      delivered,
      delivered,
    ],
  });
  expect(await pair.sink.check(AbortSignal.timeout(10_000))).toEqual([
    expect.stringContaining("at most 1048576 bytes"),
    expect.stringContaining("at most 4000 bytes"),
  ]);
});

test("a stream that is full holds back what it cannot take", async () => {
  await using pair = await openPair({}, { max_msgs: 10, discard: "new" });
  const receipt = await write(pair.sink, eventsOf(15));
  const kinds = receipt.kind === "partial" ? receipt.fates.map(({ kind }) => kind) : [];
  expect(kinds.filter((kind) => kind === "delivered").length).toBe(10);
  expect(kinds.filter((kind) => kind === "retryable").length).toBe(5);
});

test("a subject that no stream takes, or another one than was expected, holds events back, and is a problem", async () => {
  await using pair = await openPair({ stream: "another" });
  const reason = expect.stringMatching(/another stream/);
  expect(await write(pair.sink, eventsOf(1))).toEqual({ kind: "partial", fates: [{ kind: "retryable", reason }] });
  const nowhere = openSink({ subject: "nobody.{type}" });
  expect(await write(nowhere, eventsOf(1))).toEqual({
    kind: "partial",
    fates: [{ kind: "retryable", reason: expect.stringContaining("no stream takes nobody.order.paid") }],
  });
  expect(await nowhere.check(AbortSignal.timeout(10_000))).toEqual([expect.stringContaining("stream for nobody.>")]);
  await nowhere.close();
  const wide = openSink({ subject: `${pair.name}.{type}` });
  const partly = randomUUID();
  await cluster.createStream({ name: partly, subjects: [`${partly}.order.*`], num_replicas: 1, storage: "memory" });
  const narrow = openSink({ subject: `${partly}.{type}`, stream: partly });
  expect(await wide.check(AbortSignal.timeout(10_000))).toEqual([]);
  expect(await narrow.check(AbortSignal.timeout(10_000))).toEqual([
    expect.stringContaining(`not all of ${partly}.>`),
    expect.stringContaining("kept in memory"),
  ]);
  await Promise.all([wide.close(), narrow.close()]);
});

test.each([
  [
    { user: "u", pass: "s3cret" },
    { user: "u", password: "s3cret" },
    { user: "u", password: "wr0ng" },
  ],
  [{ token: "s3cret" }, { token: "s3cret" }, { token: "wr0ng" }],
])("logs in by TLS with %j, and says when it may not, without the secret", async (login, auth, wrongAuth) => {
  await using dir = await temporaryDir();
  const caFile = path.join(dir.path, "ca.pem");
  await writeFile(caFile, FIRST.cert);
  const server = await startNats({ login, tls: true });
  if (server === undefined) throw new Error(whyNoNats);
  await using own = server;
  await own.createStream({ name: "events", subjects: ["events.>"] });
  const least = { servers: own.servers, subject: "events.{type}", tls: { caFile } };
  const right = openSink({ ...least, auth });
  expect(await write(right, eventsOf(1))).toEqual({ kind: "delivered" });
  const wrong = openSink({ ...least, auth: wrongAuth });
  const receipt = await write(wrong, eventsOf(1));
  const said = [JSON.stringify(receipt), ...(await wrong.check(AbortSignal.timeout(9_000)))];
  expect(receipt.kind).toBe("retryable");
  expect(said).toEqual([expect.stringContaining("Authorization"), expect.stringContaining("Authorization")]);
  expect(said.join("")).not.toContain("wr0ng");
  const trusting = openSink({ ...least, auth, tls: {} });
  expect(await write(trusting, eventsOf(1))).toEqual({
    kind: "retryable",
    reason: expect.stringContaining("certificate"),
  });
  await Promise.all([right.close(), wrong.close(), trusting.close()]);
});

test("logs in with an NKey, and what a user may not publish is held back at once, not after a timeout", async () => {
  const key = nkeys.createUser();
  const server = await startNats({
    login: { user: "admin", pass: "s3cret" },
    config: `authorization { users = [
      { user: admin, password: s3cret }
      { nkey: ${key.getPublicKey()}, permissions: { publish: ["events.allowed", "$JS.API.>"], subscribe: "_INBOX.>" } }
    ] }`,
  });
  if (server === undefined) throw new Error(whyNoNats);
  await using own = server;
  await own.createStream({ name: "events", subjects: ["events.>"] });
  const auth = { nkeySeed: Buffer.from(key.getSeed()).toString() };
  const sink = openSink({ servers: own.servers, subject: "events.{type}", timeoutMs: 60_000, auth });
  const [allowed, denied] = ["allowed", "denied"].map((type) => eventsOf(3).map((event) => ({ ...event, type })));
  const delivered = { kind: "delivered" };
  const heldBack = { kind: "retryable", reason: "the user may not publish to events.denied" };
  expect(await write(sink, [...(allowed ?? []), ...(denied ?? [])])).toEqual({
    kind: "partial",
    fates: [delivered, delivered, delivered, heldBack, heldBack, heldBack],
  });
  await sink.close();
});

test("the collector loses no acknowledged event when the stream's leader is killed under load, and none is stored twice", async () => {
  await using dir = await temporaryDir();
  const name = randomUUID();
  await cluster.createStream({ name, subjects: [`${name}.>`], num_replicas: 3 });
  await using collector = await CollectorProcess.start(
    dir.path,
    `workers: 1
journal: { dir: ./data/journal }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: log
    type: nats
    servers: [${cluster.servers.map((server) => `"${server}"`).join(", ")}]
    subject: ${name}.{source}.{type}
    stream: "${name}"
    timeoutMs: 3000
    batch: { maxAgeMs: 20 }
    retry: { minDelayMs: 50, maxDelayMs: 500 }
`,
  );
  const stored = async (): Promise<number> => Math.max(0, ...(await cluster.heldBy(name)));
  const stop = new AbortController();
  const load = { url: collector.url, key: "wk_test", events: 1e6, eventsPerRequest: 5, connections: 2 };
  const sending = sendEvents({ ...load, signal: stop.signal });
  await waitFor(async () => (await stored()) > 1_000, 60_000);
  const leader = await cluster.leaderOf(name);
  await leader.kill();
  const atKill = await stored();
  await waitFor(async () => (await stored()) > atKill + 2_000, 60_000);
  stop.abort();
  const { acknowledged } = await sending;
  const ledger = await collector.settled(90_000);
  const before = await stored();
  leader.start();
  await waitFor(async () => (await cluster.heldBy(name)).filter((count) => count === before).length === 3, 60_000);

  const ids = (await cluster.read(name)).map(({ data }) => (JSON.parse(data.toString()) as { id: string }).id);
  const stream = new Set(ids);
  const metrics = await (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
  const repeats = /duplicate_events_total\{[^}]*\} (\d+)/.exec(metrics)?.[1] ?? "0";
  console.info(
    `acknowledged ${acknowledged.size}, in the stream ${stream.size}, stored twice ${ids.length - stream.size}, sent again and known ${repeats}`,
  );
  expect(acknowledged.size).toBeGreaterThan(3_000);
  expect([...acknowledged].filter((id) => !stream.has(id))).toEqual([]);
  expect(ids.length).toBe(acknowledged.size);
  expect(ledger.balanced).toBe(true);
});
