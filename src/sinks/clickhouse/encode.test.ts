import { expect, test } from "vitest";
import { clickhouseConfig } from "./config.ts";
import { RowEncoder } from "./encode.ts";

const LEAST = { name: "warehouse", type: "clickhouse", url: "http://127.0.0.1:8123", table: "events" };
const EVENT =
  '{"specversion":"1.0","source":"web","id":"1","type":"paid","time":"2026-11-23T05:55:34.123456+01:00","subject":null,"data":{"n":12345678901234567890,"tags":["a","b"],"s":"é\\n"},"receivedtime":"2026-11-23T05:00:00.000Z"}';

async function rows(columns: Record<string, string> | undefined, ...texts: string[]): Promise<string[]> {
  const config = clickhouseConfig.parse({ ...LEAST, ...(columns && { columns }) });
  const events = texts.map((text, position) => ({
    position,
    id: "1",
    type: "paid",
    source: "edges",
    receivedMs: Date.UTC(2026, 10, 23),
    bytes: Buffer.from(text),
  }));
  return (await new RowEncoder(config.columns).encode(events)).toString().split("\n").slice(0, -1);
}

test("a row has the usual attributes, data as JSON in a string, and the whole event", async () => {
  const [row = ""] = await rows(undefined, EVENT);
  expect(JSON.parse(row)).toEqual({
    id: "1",
    type: "paid",
    source: "web",
    time: "2026-11-23T05:55:34.123456+01:00",
    receivedtime: "2026-11-23T05:00:00.000Z",
    data: '{"n":12345678901234567890,"tags":["a","b"],"s":"é\\n"}',
    event: EVENT,
  });
});

test("a column may have any attribute, or what a JSON Pointer leads to, digit by digit", async () => {
  const columns = {
    ID: "id",
    n: "/data/n",
    tag: "/data/tags/1",
    doc: "/data",
    s: "/data/s",
    none: "/data/x",
    who: "subject",
  };
  expect(await rows(columns, EVENT)).toEqual([
    '{"ID":"1","n":12345678901234567890,"tag":"b","doc":{"n":12345678901234567890,"tags":["a","b"],"s":"é\\n"},"s":"é\\n"}',
  ]);
});

test("what an event lacks is left to the column, but for its source and times", async () => {
  const [row = ""] = await rows(undefined, "{}");
  expect(JSON.parse(row)).toEqual({
    id: "1",
    type: "paid",
    source: "edges",
    time: "2026-11-23T00:00:00.000Z",
    receivedtime: "2026-11-23T00:00:00.000Z",
    event: "{}",
  });
  expect(await rows({ n: "/data/n" }, "{}")).toEqual(["{}"]);
});

test("many events are encoded in slices, in their order", async () => {
  const texts = Array.from({ length: 50 }, (_, n) => `{"data":{"n":${n},"pad":"${"x".repeat(50_000)}"}}`);
  const made = await rows({ n: "/data/n", pad: "/data/pad" }, ...texts);
  expect(made.map((row) => (JSON.parse(row) as { n: number }).n)).toEqual(texts.map((_, n) => n));
});

test.each([
  ["a URL with a password", { url: "http://a:b@127.0.0.1:8123" }],
  ["a URL with settings", { url: "http://127.0.0.1:8123/?async_insert=0" }],
  ["a name that would need escaping", { table: "a`b" }],
  ["a column that comes from nowhere", { columns: { a: "data.total" } }],
  ["no column", { columns: {} }],
  ["a setting that a delivery depends on", { settings: { wait_for_async_insert: 0 } }],
  ["a password that fits no header", { password: "pässword" }],
])("the configuration refuses %s", (_what, change) => {
  expect(clickhouseConfig.safeParse({ ...LEAST, ...change }).success).toBe(false);
});
