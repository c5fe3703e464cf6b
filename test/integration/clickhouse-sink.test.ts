import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickhouseConfig } from "../../src/sinks/clickhouse/config.ts";
import { createClickhouseSink } from "../../src/sinks/clickhouse/sink.ts";
import { sampleEvents } from "../conformance/sink-conformance.ts";
import { Clickhouse, CLICKHOUSE_PASSWORD, debianClickhouse, embeddedClickhouse } from "../kit/clickhouse.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { jsonLines } from "../kit/json-lines.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const { signal } = new AbortController();

/** What a server of before 2021 lacks. */
const OLD = { asyncInsert: false, deduplicate: false };

function sinkFor(server: Clickhouse, change: object = {}) {
  const least = {
    name: "warehouse",
    type: "clickhouse",
    url: server.url,
    table: "events",
    password: CLICKHOUSE_PASSWORD,
  };
  const sink = createClickhouseSink(clickhouseConfig.parse({ ...least, ...change }));
  return { sink, [Symbol.asyncDispose]: () => sink.close() };
}

function collectorYaml(server: Clickhouse, options: object): string {
  return `
workers: 1
journal: { dir: ./data/journal, durability: os, maxBytes: 256MiB }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: warehouse
    type: clickhouse
    url: ${server.url}
    table: events
    password: \${CLICKHOUSE_PASSWORD}
    columns: { id: id, type: type, time: time, total: /data/index, event: event }
    batch: { maxEvents: 500, maxAgeMs: 50 }
    retry: { maxDelayMs: 300 }
    ${Object.entries(options)
      .map(([key, value]) => `${key}: ${String(value)}`)
      .join("\n    ")}
log: { level: error }
`;
}

const embedded = await embeddedClickhouse();

describe.each([
  { title: "Debian's server 18.16", found: debianClickhouse(), time: "DateTime", options: OLD },
  { title: "the engine of 26.5", found: embedded, time: "DateTime64(3)", options: {} },
])("clickhouse, $title", ({ title, found, time, options }) => {
  let server: Clickhouse;
  beforeAll(async () => {
    if (found.why === undefined) server = await Clickhouse.start(found.launch);
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  async function emptyTable(): Promise<void> {
    await server.up();
    await server.query("DROP TABLE IF EXISTS events");
    await server.query(`CREATE TABLE events (id String, type String, source String, time ${time}, receivedtime ${time},
      data String, event String, total Int32) ENGINE = MergeTree ORDER BY id`);
  }

  test("what is acknowledged is in the table, also when the server is killed under load", async (context) => {
    if (found.why !== undefined) return context.skip(found.why);
    const EVENTS = 10_000;
    await emptyTable();
    await using dir = await temporaryDir();
    await using collector = await CollectorProcess.start(dir.path, collectorYaml(server, options), {
      CLICKHOUSE_PASSWORD,
    });
    const delivered = async () => (await collector.ledger()).rows[0]?.delivered ?? 0;
    const sending = sendEvents({
      url: collector.url,
      key: "wk_test",
      events: EVENTS,
      eventsPerRequest: 20,
      connections: 4,
    });
    await waitFor(async () => (await delivered()) > 0, 30_000);
    await server.kill();
    const sent = await sending;
    expect(sent.acknowledged.size).toBe(EVENTS);
    await server.up();
    const ledger = await collector.settled(60_000);

    const ids = new Set((await server.query("SELECT DISTINCT id FROM events FORMAT TabSeparated")).split("\n"));
    const rows = Number(await server.query("SELECT count() FROM events FORMAT TabSeparated"));
    expect([...sent.acknowledged].filter((id) => !ids.has(id))).toEqual([]);
    expect(ids.size).toBe(EVENTS);
    expect(ledger).toMatchObject({ balanced: true, rows: [{ delivered: EVENTS, deadLettered: 0, held: 0 }] });
    console.info(`${title}, killed under load: ${EVENTS} events, ${rows - EVENTS} duplicates`);
    // At most what was on its way: four batches.
    expect(rows - EVENTS).toBeLessThanOrEqual(4 * 500);
  }, 120_000);

  test("a value that a column does not take costs its own event only, and stays with the server's words", async (context) => {
    if (found.why !== undefined) return context.skip(found.why);
    await emptyTable();
    await using dir = await temporaryDir();
    await using collector = await CollectorProcess.start(dir.path, collectorYaml(server, options), {
      CLICKHOUSE_PASSWORD,
    });
    const events = Array.from({ length: 40 }, (_, n) => ({
      id: `e${n}`,
      type: "paid",
      data: { index: n === 17 ? "many" : n },
    }));
    const reply = await fetch(collector.url, {
      method: "POST",
      headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
      body: JSON.stringify(events),
    });
    expect(reply.status).toBe(201);
    expect(await collector.settled()).toMatchObject({ balanced: true, rows: [{ delivered: 39, deadLettered: 1 }] });
    expect(await server.query("SELECT count(), sum(total) FROM events FORMAT TabSeparated")).toBe(
      `39\t${(39 * 40) / 2 - 17}`,
    );
    const [letter = ""] = await jsonLines(`${dir.path}/data/dead-letters`);
    expect(letter).toMatch(/ClickHouse code \d+: .*Cannot parse.*"id":"e17"/);
    expect(collector.output + letter).not.toContain(CLICKHOUSE_PASSWORD);
  }, 60_000);

  test("what blames the server, the table or the configuration is retried, and the check says what to do", async (context) => {
    if (found.why !== undefined) return context.skip(found.why);
    await emptyTable();
    for (const [change, words] of [
      [{ password: "wrong" }, /check (user|password)|check user and password/],
      [{ table: "nowhere" }, /no table default\.nowhere/],
      [{ columns: { id: "id", nope: "/data/nope" } }, /no column nope/],
      [{ settings: { no_such_setting: 1 } }, /does not know a setting/],
      // An old server knows neither of the two, a new one both.
      ...(options === OLD
        ? ([
            [{ asyncInsert: true }, /does not know a setting/],
            [{ deduplicate: true }, /does not know a setting/],
          ] as const)
        : []),
    ] as const) {
      await using opened = sinkFor(server, { ...options, ...change });
      expect((await opened.sink.write(sampleEvents(2), signal)).kind, String(words)).toBe("retryable");
      expect(await opened.sink.check(signal)).toEqual([expect.stringMatching(words)]);
    }
    expect(await server.query("SELECT count() FROM events FORMAT TabSeparated")).toBe("0");
  }, 60_000);
});

describe("clickhouse, the engine of 26.5", () => {
  test("a batch sent again is taken once where the table has a deduplication window, and FINAL removes what else is double", async (context) => {
    if (embedded.why !== undefined) return context.skip(embedded.why);
    await using server = await Clickhouse.start(embedded.launch);
    // As in docs/sinks/clickhouse.md.
    await server.query(`CREATE TABLE events (id String, type LowCardinality(String), source LowCardinality(String),
      time DateTime64(3, 'UTC'), receivedtime DateTime64(3, 'UTC'), data String CODEC(ZSTD), event String CODEC(ZSTD))
      ENGINE = ReplacingMergeTree(receivedtime) PARTITION BY toYYYYMM(receivedtime) ORDER BY (type, id)
      SETTINGS non_replicated_deduplication_window = 1000`);
    const count = async (sql: string) =>
      Number(await server.query(`SELECT count() FROM events ${sql} FORMAT TabSeparated`));
    for (const asyncInsert of [true, false]) {
      await server.query("TRUNCATE TABLE events");
      await using opened = sinkFor(server, { asyncInsert });
      const batch = sampleEvents(100, 10, asyncInsert ? 0 : 1_000);
      await opened.sink.write(batch, signal);
      await opened.sink.write(batch, signal);
      expect([asyncInsert, await count("")]).toEqual([asyncInsert, 100]);
      // Events that were gathered into another batch are another insert.
      await opened.sink.write(batch.slice(0, 30), signal);
      expect([await count(""), await count("FINAL")]).toEqual([130, 100]);
    }
  }, 60_000);

  test("a JSON column takes data as it is", async (context) => {
    if (embedded.why !== undefined) return context.skip(embedded.why);
    await using server = await Clickhouse.start(embedded.launch);
    await server.query("CREATE TABLE events (id String, data JSON) ENGINE = MergeTree ORDER BY id");
    await using opened = sinkFor(server, { columns: { id: "id", data: "/data" }, compression: "gzip" });
    const [event] = sampleEvents(1);
    const bytes = Buffer.from('{"id":"1","data":{"cart":{"total":12.5},"tags":["a","b"]}}');
    expect(event && (await opened.sink.write([{ ...event, bytes }], signal))).toEqual({ kind: "delivered" });
    expect(await server.query("SELECT data.cart.total, data.tags FROM events FORMAT TabSeparated")).toBe(
      "12.5\t['a','b']",
    );
  }, 60_000);
});
