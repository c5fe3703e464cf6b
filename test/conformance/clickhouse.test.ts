import { afterAll, beforeAll, describe, test } from "vitest";
import { clickhouseConfig } from "../../src/sinks/clickhouse/config.ts";
import { createClickhouseSink } from "../../src/sinks/clickhouse/sink.ts";
import { Clickhouse, CLICKHOUSE_PASSWORD, debianClickhouse, embeddedClickhouse } from "../kit/clickhouse.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

const TIME = { "26": "DateTime64(3)", "18": "DateTime" } as const;

let tables = 0;

async function openHarness(server: Clickhouse, version: keyof typeof TIME, change: object): Promise<SinkHarness> {
  await server.up();
  const table = `events_${tables++}`;
  await server.query("CREATE DATABASE IF NOT EXISTS shop");
  await server.query(`CREATE TABLE shop.${table} (id String, type String, source String, time ${TIME[version]},
    receivedtime ${TIME[version]}, data String, event String) ENGINE = MergeTree ORDER BY id`);
  const config = clickhouseConfig.parse({
    name: "warehouse",
    type: "clickhouse",
    url: server.url,
    database: "shop",
    table,
    password: CLICKHOUSE_PASSWORD,
    batch: { maxEvents: 60, maxBytes: "256KiB" },
    ...change,
  });
  const sink = createClickhouseSink(config);
  const column = async (expression: string) =>
    server.query(`SELECT ${expression} FROM shop.${table} FORMAT TabSeparated`);
  return {
    sink,
    async delivered() {
      const hex = await column("hex(event)");
      return hex === "" ? [] : hex.split("\n").map((line) => Buffer.from(line, "hex"));
    },
    countedBytes: async () => Number(await column("sum(length(event))")),
    breakDestination: () => server.kill(),
    repairDestination: () => server.up(),
    stallDestination: () => Promise.resolve(server.freeze()),
    [Symbol.asyncDispose]: () => sink.close(),
  };
}

describe.each([
  {
    title: "Debian's server 18.16",
    version: "18",
    found: debianClickhouse(),
    change: { asyncInsert: false, deduplicate: false, compression: "gzip" },
  },
  { title: "the engine of 26.5", version: "26", found: await embeddedClickhouse(), change: {} },
] as const)("clickhouse, $title", ({ title, version, found, change }) => {
  test.runIf(found.why !== undefined)("is not tested", (context) => context.skip(found.why));

  describe.skipIf(found.why !== undefined)("is there", () => {
    let server: Clickhouse | undefined;
    beforeAll(async () => {
      if (found.why === undefined) server = await Clickhouse.start(found.launch);
    }, 60_000);
    afterAll(() => server?.[Symbol.asyncDispose]());
    describeSinkConformance(`clickhouse, ${title}`, () => {
      if (server === undefined) throw new Error("the server is not there");
      return openHarness(server, version, change);
    });
  });
});
