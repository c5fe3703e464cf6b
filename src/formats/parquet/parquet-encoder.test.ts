import * as fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { afterEach, expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { EncoderThreadEnded, ParquetEncoder } from "./parquet-encoder.ts";
import type { ParquetOptions } from "./parquet-file.ts";
import { type ParquetRow, readEvents, readRows } from "./read-events.ts";

const encoders: ParquetEncoder[] = [];
afterEach(async () => {
  for (const encoder of encoders.splice(0)) await encoder.close();
});

test.each(["none", "snappy", "gzip", "zstd"] as const)(
  "every event comes back byte for byte (%s)",
  async (compression) => {
    const events = Array.from({ length: 500 }, (_, index) => event(index, canonical(index)));
    const file = await open({ compression }).encode(events);
    expect(await rebuilt(file)).toEqual(events.map(({ bytes }) => bytes.toString("latin1")));
    expect(parquetMetadata(arrayBufferOf(file)).row_groups[0]?.columns[1]?.meta_data?.statistics).toMatchObject({
      min_value: expect.stringContaining("id-0"),
      null_count: 0n,
    });
  },
);

test("text that begins with a byte order mark keeps it", async () => {
  const json =
    '{"specversion":"1.0","source":"\ufeffweb","id":"\ufeff","type":"\ufefft","subject":"\ufeff\ufeff","data":"\ufeff","a":"\ufeff"}';
  const file = await open().encode([event(0, json)]);
  expect(await rebuilt(file)).toEqual([Buffer.from(json).toString("latin1")]);
});

test("columns hold what the event says, and NULL where it says nothing", async () => {
  const [row] = await rows(
    await open().encode([
      event(
        7,
        '{"specversion":"1.0","source":"web","id":"ä","type":"t","time":"2026-11-23T14:00:00.1234567+02:00","data":{"b": 1.0},"tenant":"x","receivedtime":"2026-11-23T12:00:01Z","collector":"n/0-7"}',
      ),
    ]),
  );
  expect(row).toEqual({
    position: 7n,
    id: "ä",
    type: "t",
    source: "web",
    subject: null,
    time: 1_795_435_200_123_456n,
    receivedtime: 1_795_435_201_000_000n,
    clientip: null,
    useragent: null,
    collector: "n/0-7",
    datacontenttype: null,
    dataschema: null,
    data: '{"b": 1.0}',
    extensions: '{"tenant":"x"}',
    envelope:
      '{"specversion":"1.0","source":$source,"id":$id,"type":$type,"time":"2026-11-23T14:00:00.1234567+02:00","data":$data,$extension,"receivedtime":$receivedtime0,"collector":$collector}',
    raw: null,
  });
});

test("typed columns take what is of their type, exactly, and nothing else", async () => {
  const columns = [
    { name: "n", from: "/data/n", type: "int64" },
    { name: "d", from: "/data/d", type: "double" },
    { name: "s", from: "/data/s/1", type: "string" },
    { name: "b", from: "/data/a~1b", type: "boolean" },
    { name: "t", from: "/data/t", type: "timestamp" },
  ] as const;
  const read = await rows(
    await open({ columns }).encode(
      [
        '{"n":9007199254740993,"d":1e2,"s":["x","\\u00e9"],"a/b":true,"t":"2026-11-23T12:00:00Z"}',
        '{"n":9223372036854775808,"d":1e999,"s":["x"],"a/b":"true","t":1}',
        '{"n":1.5,"d":"1","s":{"1":"member"},"a/b":null,"t":"2026-02-30T12:00:00Z"}',
        '{"n":1,"n":-2}',
      ].map((data, position) => event(position, `{"data":${data}}`)),
    ),
  );
  const none = { n: null, d: null, s: null, b: null, t: null };
  expect(read.map(({ n, d, s, b, t }) => ({ n, d, s, b, t }))).toEqual([
    { n: 9007199254740993n, d: 100, s: "é", b: true, t: 1_795_435_200_000_000n },
    none,
    { ...none, s: "member" },
    { ...none, n: -2n },
  ]);
});

test("bytes that are not UTF-8 come back, too", async () => {
  const bytes = Buffer.from('{"id":"a\xff","data":"\xc3("}', "latin1");
  expect(await rebuilt(await open().encode([{ ...event(0, "{}"), bytes }]))).toEqual([bytes.toString("latin1")]);
});

test("whatever the bytes, they come back", async () => {
  const encoder = open({ columns: [{ name: "x", from: "/data/a/0", type: "string" }] });
  const keys = fc.constantFrom(
    "id",
    "type",
    "source",
    "time",
    "data",
    "subject",
    "collector",
    "own",
    "\\u0069d",
    "$data",
  );
  const value = fc.oneof(
    fc.json({ noUnicodeString: false }),
    fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
    fc.constantFrom(
      '"\\ud800"',
      '"\\u0041$id"',
      "1E400",
      '"2026-11-23T12:00:00.5Z"',
      '"2026-11-23t12:00:00z"',
      "[ ]",
      '"\\/"',
    ),
  );
  const space = fc.constantFrom("", " ", "\t");
  const members = fc.array(fc.tuple(keys, space, value, space));
  const object = members.map(
    (all) => `{${all.map(([key, a, json, b]) => `${a}"${key}"${b}:${a}${json}${b}`).join(",")}}`,
  );
  const bytes = fc.oneof(
    { weight: 9, arbitrary: object.map((text) => Buffer.from(text)) },
    fc.uint8Array().map((some) => Buffer.from(some)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 60 }), async (all) => {
      const file = await encoder.encode(all.map((some, position) => ({ ...event(position, ""), bytes: some })));
      expect(await rebuilt(file)).toEqual(all.map((some) => some.toString("latin1")));
    }),
    { numRuns: 20 },
  );
});

test("deep and long values come back", async () => {
  const texts = [
    `{"data":${"[".repeat(5_000)}${"]".repeat(5_000)}}`,
    `{"id":"${"\\u0041".repeat(300_000)}","own":"${"$".repeat(300_000)}"}`,
  ];
  const file = await open().encode(texts.map((text, position) => event(position, text)));
  expect(await rebuilt(file)).toEqual(texts);
});

test("an aborted batch is rejected at once, and the next one is encoded", async () => {
  const encoder = open();
  const batch = Array.from({ length: 20_000 }, (_, index) => event(index, canonical(index)));
  const abort = new AbortController();
  const first = encoder.encode(batch, abort.signal);
  const waiting = encoder.encode(batch, abort.signal);
  const after = encoder.encode(batch.slice(0, 3));
  abort.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  await expect(waiting).rejects.toThrow("enough");
  await expect(encoder.encode(batch, abort.signal)).rejects.toThrow("enough");
  expect(await rebuilt(await after)).toHaveLength(3);
});

test("a thread that needs too much memory ends, and not the process; its batch is rejected, and the next one encoded", async () => {
  const encoder = open({}, 12);
  const large = Array.from({ length: 49_000 }, (_, index) => event(index, canonical(index)));
  const waiting = encoder.encode(large);
  const after = encoder.encode(large.slice(0, 3));
  await expect(waiting).rejects.toThrow(EncoderThreadEnded);
  expect(await rebuilt(await after)).toHaveLength(3);
});

test("close waits for what is being encoded, and takes no more", async () => {
  const encoder = open();
  const encoding = encoder.encode([event(0, canonical(0))]);
  await encoder.close();
  await encoder.close();
  expect(await rebuilt(await encoding)).toHaveLength(1);
  await expect(encoder.encode([])).rejects.toThrow("closed");
});

test("a batch without events is a file without rows", async () => {
  expect(await rows(await open().encode([]))).toEqual([]);
});

function open(options: Partial<ParquetOptions> = {}, maxHeapMib?: number): ParquetEncoder {
  const encoder = new ParquetEncoder({ compression: "zstd", columns: [], ...options }, maxHeapMib);
  encoders.push(encoder);
  return encoder;
}

function event(position: number, json: string): CollectedEvent {
  return { position, id: "", type: "", source: "", receivedMs: 0, bytes: Buffer.from(json) };
}

function canonical(index: number): string {
  const time = new Date(1_795_000_000_000 + index * 7).toISOString();
  return `{"specversion":"1.0","source":"web","id":"id-${index}","type":"page.viewed","time":"${time}","data":{"n":${index}},"receivedtime":"${time}","clientip":"203.0.113.0","collector":"node/0-${index}"}`;
}

function arrayBufferOf(file: Buffer): ArrayBuffer {
  return Uint8Array.from(file).buffer;
}

async function rows(file: Buffer): Promise<ParquetRow[]> {
  const all: ParquetRow[] = [];
  for await (const row of readRows(arrayBufferOf(file))) all.push(row);
  return all;
}

async function rebuilt(file: Buffer): Promise<string[]> {
  const all: string[] = [];
  for await (const { bytes } of readEvents(arrayBufferOf(file))) all.push(bytes.toString("latin1"));
  return all;
}
