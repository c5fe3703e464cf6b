import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Receipt, Sink } from "../../src/core/sink.ts";
import { FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import { kafkaConfig } from "../../src/sinks/kafka/config.ts";
import { createKafkaSink } from "../../src/sinks/kafka/sink.ts";
import { fatesOf } from "../conformance/sink-conformance.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { countRecords, type KafkaCluster, readTopic, SASL_USER, startKafka, whyNoKafka } from "../kit/kafka.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const START_MS = 400_000;
const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

vi.setConfig({ testTimeout: 180_000 });

let cluster: KafkaCluster;
let why = "";

beforeAll(async () => {
  const started = await startKafka();
  if (started === undefined) why = whyNoKafka;
  else cluster = started;
}, START_MS);

afterAll(() => (why === "" ? cluster[Symbol.asyncDispose]() : undefined));

beforeEach((context) => {
  if (why !== "") context.skip(why);
});

/** A topic of its own and a sink that writes to it. */
async function openPair(change: object = {}, configs: Readonly<Record<string, string>> = {}) {
  const topic = `t-${randomUUID()}`;
  await cluster.createTopic(topic, 6, configs);
  const sink = openSink({ topic, ...change });
  return { topic, sink, [Symbol.asyncDispose]: () => sink.close() };
}

function openSink(change: object): Sink {
  const least = { name: "log", type: "kafka", bootstrapServers: cluster.servers, timeoutMs: 10_000 };
  return createKafkaSink(kafkaConfig.parse({ ...least, ...change }));
}

function eventsOf(count: number, from = 0, padding = 100): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `id-${from + index}`;
    const json = JSON.stringify({ id, data: { user: `użytkownik ${index % 17}`, pad: "x".repeat(padding) } });
    const position = from + index;
    return { position, id, type: "order.paid", source: "web", receivedMs: Date.now(), bytes: Buffer.from(json) };
  });
}

function write(sink: Sink, batch: readonly CollectedEvent[]): Promise<Receipt> {
  return sink.write(batch, AbortSignal.timeout(30_000));
}

describe("with Kafka's own clients", () => {
  test("events arrive byte for byte, by every compression, with the headers of CloudEvents", async () => {
    await using pair = await openPair();
    const sent: CollectedEvent[] = [];
    for (const [index, compression] of COMPRESSIONS.entries()) {
      const sink = openSink({ topic: pair.topic, compression, acks: index % 2 === 0 ? "all" : "leader" });
      const batch = eventsOf(40, index * 100);
      expect(await write(sink, batch)).toEqual({ kind: "delivered" });
      sent.push(...batch);
      await sink.close();
    }
    const printed = await cluster.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      "--bootstrap-server",
      cluster.node.address,
      "--topic",
      pair.topic,
      "--from-beginning",
      "--max-messages",
      String(sent.length),
      "--formatter-property",
      "print.headers=true",
      "--formatter-property",
      "print.key=true",
    ]);
    const lines = sent.map(({ id, bytes }) => {
      const headers = `content-type:application/cloudevents+json; charset=UTF-8,ce_id:${id},ce_type:order.paid,ce_source:web`;
      return `${headers}\t${id}\t${bytes.toString()}`;
    });
    expect(printed.trimEnd().split("\n").toSorted()).toEqual(lines.toSorted());
  });

  test("keys land in the partitions where the Java producer puts them", async () => {
    await using ours = await openPair({ key: "/data/user" });
    await using theirs = await openPair();
    const batch = eventsOf(60);
    const keys = batch.map(({ bytes }) => (JSON.parse(bytes.toString()) as { data: { user: string } }).data.user);
    await cluster.tool(
      "org.apache.kafka.tools.ConsoleProducer",
      ["--bootstrap-server", cluster.node.address, "--topic", theirs.topic, "--reader-property", "parse.key=true"],
      keys.map((key) => `${key}\tvalue\n`).join(""),
    );
    expect(await write(ours.sink, batch)).toEqual({ kind: "delivered" });
    const placesIn = async (topic: string): Promise<unknown> =>
      new Set((await readTopic(cluster, topic)).map(({ key, partition }) => `${key?.toString()} in ${partition}`));
    expect(await placesIn(ours.topic)).toEqual(await placesIn(theirs.topic));
  });
});

describe("with failures", () => {
  test("of a batch the event that is too large for the topic is rejected, and the others are delivered", async () => {
    await using pair = await openPair({ key: "none" }, { "max.message.bytes": "4000" });
    const batch = [...eventsOf(9), ...eventsOf(1, 9, 5_000), ...eventsOf(9, 10)];
    const fates = fatesOf(await write(pair.sink, batch), batch);
    expect(fates.filter(({ kind }) => kind === "delivered").length).toBe(18);
    expect(fates[9]).toEqual({ kind: "rejected", reason: expect.stringContaining("MESSAGE_TOO_LARGE") });
    expect(await countRecords(cluster, pair.topic)).toBe(18);
    expect(await pair.sink.check(AbortSignal.timeout(10_000))).toEqual([expect.stringContaining("at most 4000 bytes")]);
  });

  test("what a compacted topic refuses for its missing key is rejected", async () => {
    await using pair = await openPair({ key: "/data/absent" }, { "cleanup.policy": "compact" });
    const fates = fatesOf(await write(pair.sink, eventsOf(5)), eventsOf(5));
    expect(fates).toEqual(
      eventsOf(5).map(() => ({ kind: "rejected", reason: expect.stringContaining("INVALID_RECORD") })),
    );
  });

  test("a compacted topic holds the events of a sink without keys back, and rejects none", async () => {
    await using pair = await openPair({ key: "none" }, { "cleanup.policy": "compact" });
    const fates = fatesOf(await write(pair.sink, eventsOf(5)), eventsOf(5));
    expect(fates).toEqual(eventsOf(5).map(() => ({ kind: "retryable", reason: expect.stringContaining("set `key`") })));
  });

  test("an event that is too old for its topic waits, and holds up no other", async () => {
    await using pair = await openPair({ key: "none" }, { "message.timestamp.before.max.ms": "3600000" });
    const old = eventsOf(1, 19).map((event) => ({ ...event, receivedMs: Date.now() - 7_200_000 }));
    const batch = [...eventsOf(19), ...old];
    const fates = fatesOf(await write(pair.sink, batch), batch);
    expect(fates.filter(({ kind }) => kind === "delivered").length).toBe(19);
    expect(fates[19]).toEqual({ kind: "retryable", reason: expect.stringContaining("INVALID_TIMESTAMP") });
    expect(await countRecords(cluster, pair.topic)).toBe(19);
  });

  test("a topic that is not there holds its events back, and only those", async () => {
    await using known = await openPair();
    const lost = openSink({ topic: "nobody-made-this" });
    // All of it for one reason is an outage, in which older events stay ahead of newer ones.
    expect((await write(lost, eventsOf(2))).kind).toBe("retryable");
    expect(fatesOf(await write(lost, eventsOf(1)), eventsOf(1))).toEqual([
      { kind: "retryable", reason: expect.stringContaining("nobody-made-this") },
    ]);
    expect(await lost.check(AbortSignal.timeout(10_000))).toEqual([expect.stringContaining("does not exist")]);
    await lost.close();
    const sink = openSink({ topic: `${known.topic}{type}`, fallbackTopic: known.topic });
    await cluster.createTopic(`${known.topic}order.paid`, 1);
    const strange = eventsOf(3).map((event) => ({ ...event, type: "never seen/before" }));
    expect(await write(sink, [...strange, ...eventsOf(4)])).toEqual({ kind: "delivered" });
    await sink.close();
    expect(await countRecords(cluster, known.topic)).toBe(3);
    expect(await countRecords(cluster, `${known.topic}order.paid`)).toBe(4);
  });

  test.each(["plain", "scram-sha-256", "scram-sha-512"])(
    "logs in by TLS and %s, and says when it may not",
    async (mechanism) => {
      await using dir = await temporaryDir();
      const caFile = path.join(dir.path, "ca.pem");
      await writeFile(caFile, FIRST.cert);
      const login = {
        bootstrapServers: [cluster.node.saslAddress],
        sasl: { mechanism, ...SASL_USER },
        tls: { caFile },
      };
      await using pair = await openPair(login);
      expect(await write(pair.sink, eventsOf(3))).toEqual({ kind: "delivered" });
      const wrong = openSink({ topic: pair.topic, ...login, sasl: { ...login.sasl, password: "wr0ng" } });
      const [fate] = fatesOf(await write(wrong, eventsOf(1)), eventsOf(1));
      expect(fate).toEqual({ kind: "retryable", reason: expect.stringContaining("SASL_AUTHENTICATION_FAILED") });
      const problems = await wrong.check(AbortSignal.timeout(10_000));
      expect(problems).toEqual([expect.stringContaining("see bootstrapServers")]);
      expect(`${fate?.kind === "retryable" ? fate.reason : ""}${problems.join("")}`).not.toContain("wr0ng");
      await wrong.close();
    },
  );
});

describe("with a broker that falls silent or dies", () => {
  test("a batch that was taken without a word is settled by asking again, and is there once", async () => {
    await using pair = await openPair({ timeoutMs: 12_000 });
    expect(await write(pair.sink, eventsOf(1))).toEqual({ kind: "delivered" });
    cluster.node.stall();
    const writing = write(pair.sink, eventsOf(50, 1));
    // By now the first request was given up; it waits in the socket, where the broker will find it.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    cluster.node.goOn();
    expect(await writing).toEqual({ kind: "delivered" });
    // The cluster may have taken the silent broker for dead.
    await cluster.led(pair.topic);
    expect(await countRecords(cluster, pair.topic)).toBe(51);
  });

  test("the collector loses no acknowledged event when the broker is killed under load and comes back, and sends none twice", async () => {
    await using dir = await temporaryDir();
    const topic = `t-${randomUUID()}`;
    await cluster.createTopic(topic, 3);
    await using collector = await CollectorProcess.start(
      dir.path,
      `workers: 1
journal: { dir: ./data/journal }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: log
    type: kafka
    bootstrapServers: ["${cluster.node.address}"]
    topic: ${topic}
    timeoutMs: 60000
    batch: { maxAgeMs: 20 }
    retry: { minDelayMs: 50, maxDelayMs: 500 }
`,
    );
    const stop = new AbortController();
    const load = { url: collector.url, key: "wk_test", events: 1e6, eventsPerRequest: 5, connections: 2 };
    const sending = sendEvents({ ...load, signal: stop.signal });
    await waitFor(async () => (await countRecords(cluster, topic)) > 1_000, 60_000);
    await cluster.node.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    stop.abort();
    const { acknowledged } = await sending;
    await cluster.node.start();
    await cluster.ready();
    const ledger = await collector.settled(90_000);
    await cluster.led(topic);
    const held = (await readTopic(cluster, topic)).map(({ key }) => key?.toString() ?? "");
    const ids = new Set(held);
    console.info(`acknowledged ${acknowledged.size}, in the broker ${ids.size}, duplicates ${held.length - ids.size}`);
    expect(acknowledged.size).toBeGreaterThan(1_000);
    expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
    // Writes on their way at the kill were settled by asking again.
    expect(held.length).toBe(acknowledged.size);
    expect(ledger.balanced).toBe(true);
  });
});
