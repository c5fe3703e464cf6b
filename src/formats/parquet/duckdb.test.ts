import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ParquetCompression, TypedColumn } from "./config.ts";
import { TEXT_ATTRIBUTES, TIME_ATTRIBUTES } from "./event-columns.ts";
import { ParquetFile } from "./parquet-file.ts";
import { rebuildEvent } from "./rebuild-event.ts";

const COLUMNS: TypedColumn[] = [
  { name: "total", from: "/data/total", type: "double" },
  { name: "quantity", from: "/data/quantity", type: "int64" },
  { name: "paid", from: "/data/paid", type: "boolean" },
  { name: "paidat", from: "/data/paidAt", type: "timestamp" },
  { name: "currency", from: "/data/currency", type: "string" },
];

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "millrace-parquet-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test.each(["none", "snappy", "gzip", "zstd"] as const)(
  "DuckDB reads each column with its type (%s)",
  async (compression) => {
    const events = Array.from({ length: 1_000 }, (_, index) => {
      const time = `2026-11-23T12:00:00.${String(index).padStart(6, "0")}Z`;
      const data = `{"total":${index}.5,"quantity":${9_007_199_254_740_993n + BigInt(index)},"paid":${index % 2 === 0},"paidAt":"${time}","currency":"EUR","items":[{"sku":"é-${index}"}]}`;
      return `{"specversion":"1.0","source":"web","id":"id-${index}","type":"t","time":"${time}","data":${data},"receivedtime":"${time}","collector":"n/0-${index}"}`;
    });
    const file = await written(events, compression);
    const types = await query(`describe select * from '${file}'`);
    expect(Object.fromEntries(types.map(([name, type]) => [name, type]))).toEqual({
      position: "BIGINT",
      id: "VARCHAR",
      type: "VARCHAR",
      source: "VARCHAR",
      subject: "VARCHAR",
      time: "TIMESTAMP WITH TIME ZONE",
      receivedtime: "TIMESTAMP WITH TIME ZONE",
      clientip: "VARCHAR",
      useragent: "VARCHAR",
      collector: "VARCHAR",
      datacontenttype: "VARCHAR",
      dataschema: "VARCHAR",
      data: "JSON",
      total: "DOUBLE",
      quantity: "BIGINT",
      paid: "BOOLEAN",
      paidat: "TIMESTAMP WITH TIME ZONE",
      currency: "VARCHAR",
      extensions: "JSON",
      envelope: "VARCHAR",
      raw: "BLOB",
    });
    const [sums] = await query(
      `select count(*), sum(total), max(quantity), count(*) filter (paid), epoch_us(max(paidat)) - epoch_us(min(time)),
       sum((data->>'$.total')::double), max(data->>'$.items[0].sku'), count(subject) from '${file}'`,
    );
    expect(sums).toEqual(["1000", 500_000, "9007199254741992", "500", "999", 500_000, "é-999", "0"]);
    const [found] = await query(`select position from '${file}' where id = 'id-7' and currency = 'EUR'`);
    expect(found).toEqual(["7"]);
  },
);

test("row groups have statistics, so that DuckDB reads those only in which something may be found", async () => {
  const long = "x".repeat(1_000);
  const events = Array.from(
    { length: 8 },
    (_, index) => `{"id":"id-${index}","time":"2026-11-23T12:00:0${index}Z","data":"${long}"}`,
  );
  const file = await written(events, "none", 4_000);
  const groups = await query(
    `select path_in_schema, row_group_id, stats_min_value, stats_max_value from parquet_metadata('${file}')
     where path_in_schema in ('id', 'time', 'position') order by 1, 2`,
  );
  expect(groups).toMatchObject(
    [
      ["id", "0", "id-0", "id-3"],
      ["id", "1", "id-4", "id-7"],
      ["position", "0", "0", "3"],
      ["position", "1", "4", "7"],
      ["time", "0", /12:00:00/, /12:00:03/],
      ["time", "1", /12:00:04/, /12:00:07/],
    ].map((row) => row.map((cell) => (cell instanceof RegExp ? expect.stringMatching(cell) : cell))),
  );
});

test("one event cannot keep DuckDB from reading the others, whatever is in it", async () => {
  const keys = fc.constantFrom(
    "id",
    "type",
    "source",
    "time",
    "data",
    "subject",
    "own",
    "\\u0069d",
    "\\ud800",
    "total",
  );
  const value = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.constantFrom(
      '"\\ud800"',
      '"\\\\ud800"',
      '"\\udc00\\ud83d\\ude00\\uD83D"',
      '"\\u0000"',
      "1E400",
      "-0",
      `${"1".repeat(500)}.5`,
      `${"[".repeat(2_000)}${"]".repeat(2_000)}`,
      '{"a":1,"a":2}',
      '{"total":1e999,"quantity":9223372036854775808}',
    ),
  );
  const members = fc.array(fc.tuple(keys, value), { maxLength: 6 });
  const object = members.map((all) => Buffer.from(`{${all.map(([key, json]) => `"${key}": ${json}`).join(",")}}`));
  const bytes = fc.oneof(
    { weight: 9, arbitrary: object },
    fc.uint8Array().map((some) => Buffer.from(some)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 60 }), async (events) => {
      const file = await written(events);
      const times = TIME_ATTRIBUTES.map((name) => `epoch_us("${name}")`);
      const rows = await query(
        `select ${[...TEXT_ATTRIBUTES, ...times].join()}, data::varchar, extensions::varchar, envelope, hex(raw),
           json_type(data), extensions->>'$.own' from '${file}' order by position`,
      );
      expect(rows.map((row) => rebuilt(row).toString("latin1"))).toEqual(
        events.map((event) => event.toString("latin1")),
      );
    }),
    { numRuns: 15 },
  );
});

function rebuilt(row: readonly unknown[]): Buffer {
  const text = (cell: unknown) => (typeof cell === "string" ? cell : undefined);
  const rest = row.slice(TEXT_ATTRIBUTES.length + TIME_ATTRIBUTES.length).map(text);
  const [data, extensions, envelope, raw] = rest;
  return rebuildEvent({
    text: Object.fromEntries(TEXT_ATTRIBUTES.map((name, index) => [name, text(row[index])])),
    times: Object.fromEntries(
      TIME_ATTRIBUTES.map((name, index) => {
        const micros = text(row[TEXT_ATTRIBUTES.length + index]);
        return [name, micros === undefined ? undefined : BigInt(micros)];
      }),
    ),
    data,
    extensions,
    envelope,
    raw: raw === undefined ? undefined : Buffer.from(raw, "hex"),
  });
}

let files = 0;

async function written(
  events: readonly (string | Buffer)[],
  compression: ParquetCompression = "zstd",
  groupBytes?: number,
): Promise<string> {
  const parquet = new ParquetFile({ compression, columns: COLUMNS }, groupBytes);
  for (const [position, event] of events.entries()) parquet.add(position, Buffer.from(event));
  const file = path.join(dir, `${files++}.parquet`);
  await writeFile(file, parquet.finish());
  return file;
}

async function query(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
