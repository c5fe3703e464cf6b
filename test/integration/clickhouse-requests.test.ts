import { expect, test } from "vitest";
import { clickhouseConfig } from "../../src/sinks/clickhouse/config.ts";
import { createClickhouseSink } from "../../src/sinks/clickhouse/sink.ts";
import { sampleEvents } from "../conformance/sink-conformance.ts";
import { HttpReceiver } from "../kit/http-receiver.ts";

const soon = () => AbortSignal.timeout(10_000);

function openSink(receiver: HttpReceiver, change: object = {}) {
  receiver.answer = () => ({ status: 200 });
  const least = { name: "warehouse", type: "clickhouse", url: receiver.url, table: "events" };
  const sink = createClickhouseSink(clickhouseConfig.parse({ ...least, ...change }));
  return Object.assign(sink, { [Symbol.asyncDispose]: () => sink.close() });
}

function queries(receiver: HttpReceiver): Record<string, string>[] {
  return receiver.requests.map(({ path }) => Object.fromEntries(new URL(path, receiver.url).searchParams));
}

test("an insert that the server gathers with others is waited for until it is written", async () => {
  await using receiver = await HttpReceiver.start();
  await using sink = openSink(receiver);
  expect(await sink.write(sampleEvents(2), soon())).toEqual({ kind: "delivered" });
  expect(queries(receiver)).toMatchObject([{ async_insert: "1", wait_for_async_insert: "1" }]);
});

test("no setting takes the waiting away, nor what tells that rows were skipped", () => {
  const least = { name: "warehouse", type: "clickhouse", url: "http://127.0.0.1:8123", table: "events" };
  for (const setting of ["wait_for_async_insert", "input_format_allow_errors_num", "input_format_allow_errors_ratio"])
    expect(clickhouseConfig.safeParse({ ...least, settings: { [setting]: 0 } }).success).toBe(false);
});

test("without asyncInsert and deduplicate nothing is asked of an old server that it does not know", async () => {
  await using receiver = await HttpReceiver.start();
  await using sink = openSink(receiver, { asyncInsert: false, deduplicate: false, settings: { insert_quorum: 2 } });
  await sink.write(sampleEvents(1), soon());
  const [query] = queries(receiver);
  expect(Object.keys(query ?? {}).toSorted()).toEqual(["date_time_input_format", "insert_quorum", "query"]);
});

test("a batch that is sent again has the same token, and another batch another", async () => {
  await using receiver = await HttpReceiver.start();
  await using sink = openSink(receiver);
  for (const events of [sampleEvents(2), sampleEvents(2), sampleEvents(1)]) await sink.write(events, soon());
  const [first, again, other] = queries(receiver).map((query) => query["insert_deduplication_token"]);
  expect(first).toMatch(/^[0-9a-f]{40}$/);
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test("user and password are in headers, and nowhere in the address, which servers log", async () => {
  await using receiver = await HttpReceiver.start();
  await using sink = openSink(receiver, { user: "shop", password: "pass word" });
  await sink.write(sampleEvents(1), soon());
  await sink.check(soon());
  expect(receiver.requests).toHaveLength(2);
  for (const { headers, path } of receiver.requests) {
    expect(headers).toMatchObject({ "x-clickhouse-user": "shop", "x-clickhouse-key": "pass word" });
    expect(path).not.toMatch(/pass|shop/);
  }
});
