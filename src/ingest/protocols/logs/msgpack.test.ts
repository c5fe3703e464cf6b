import { Encoder, ExtData, encode } from "@msgpack/msgpack";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { IncomingEvent, UnreadableBody } from "../incoming-event.ts";
import { readValues } from "../values/read-values.ts";
import { mapValue, type ValueRules } from "../values/map-value.ts";
import { scanMsgpack } from "./msgpack-scan.ts";
import { readMsgpack } from "./read-msgpack.ts";

const LIMITS = { maxEventBytes: 100_000, maxEventsPerRequest: 20, maxJsonDepth: 16, maxJsonKeys: 1_000 };
const RULES: ValueRules = { options: {}, headers: {}, type: "log" };

interface Read {
  readonly events: readonly IncomingEvent[];
  readonly problems: readonly string[];
  readonly end: UnreadableBody | undefined;
}

function read(body: Uint8Array, limits = LIMITS, rules = RULES): Read {
  const events: IncomingEvent[] = [];
  const problems: string[] = [];
  const items = readMsgpack(Buffer.from(body), limits, rules);
  for (;;) {
    const next = items.next();
    if (next.done === true) return { events, problems, end: next.value };
    if (next.value === undefined) continue;
    if (next.value.kind === "event") events.push(next.value.event);
    else problems.push(next.value.malformed.problems[0]?.code ?? "");
  }
}

function eventTime(seconds: number, nanos: number): ExtData {
  const data = Buffer.alloc(8);
  data.writeInt32BE(seconds, 0);
  data.writeUInt32BE(nanos, 4);
  return new ExtData(0, data);
}

function packed(...values: unknown[]): Buffer {
  const encoder = new Encoder({ useBigInt64: true });
  return Buffer.concat(values.map((value) => encoder.encode(value)));
}

test("the three forms of a record are read, one after another", () => {
  const time = eventTime(1_769_860_800, 681_000);
  const { events, problems } = read(
    packed([[time, {}], { n: 1 }], [time, { n: 2 }], { n: 3 }, [1_769_860_800, { n: 4 }]),
  );
  expect(problems).toEqual([]);
  expect(events.map(({ time: text, data }) => [text, data])).toEqual([
    ["2026-01-31T12:00:00.000681Z", { n: 1 }],
    ["2026-01-31T12:00:00.000681Z", { n: 2 }],
    [undefined, { n: 3 }],
    ["2026-01-31T12:00:00Z", { n: 4 }],
  ]);
});

test("metadata, and what a group of records shares, is kept beside each", () => {
  const time = eventTime(1_769_860_800, 0);
  const { events } = read(
    packed(
      [[eventTime(-1, 0), { resource: 1 }], { host: "a" }],
      [[time, { m: 12345678901234567890n }], { n: 1 }],
      [[eventTime(-2, 0), {}], {}],
      [[time, {}], { n: 2 }],
    ),
  );
  const attributes = events.map(({ raw }) => (JSON.parse(raw.toString()) as { logs?: string }).logs);
  expect(attributes).toEqual([
    '{"metadata":{"m":12345678901234567890},"group":{"metadata":{"resource":1},"attributes":{"host":"a"}}}',
    undefined,
  ]);
});

test("what JSON has no form for is written so that nothing is lost or wrong", () => {
  const record = {
    max: 18446744073709551615n,
    min: -9223372036854775808n,
    bin: Buffer.from([0xff, 0x00]),
    nan: Number.NaN,
    at: eventTime(1_769_860_800, 5),
    date: new Date("2026-01-31T12:00:00.5Z"),
    other: new ExtData(42, Buffer.from("x")),
  };
  const [event] = read(packed(record)).events;
  expect(event?.raw.toString()).toBe(
    '{"type":"log","data":{"max":18446744073709551615,"min":-9223372036854775808,"bin":"/wA=","nan":null,"at":"2026-01-31T12:00:00.000000005Z","date":"2026-01-31T12:00:00.500Z","other":{"ext":42,"base64":"eA=="}}}',
  );
});

test("names are text: numbers are printed, the last of two equal ones counts, and none changes a prototype", () => {
  const map = (...pairs: unknown[]): Buffer =>
    Buffer.concat([Buffer.from([0x80 + pairs.length / 2]), ...pairs.map((value) => Buffer.from(encode(value)))]);
  expect(read(map(7, "a", "b", 1, "b", 2)).events[0]?.data).toEqual({ "7": "a", b: 2 });
  expect(read(map("constructor", 1, "toString", 2)).events[0]?.raw.toString()).toContain(
    '{"constructor":1,"toString":2}',
  );
  expect(read(map("__proto__", { polluted: true })).problems).toEqual(["type"]);
  expect(read(map({ a: 1 }, 1)).problems).toEqual(["type"]);
  expect({}).not.toHaveProperty("polluted");
});

test.each([
  ["a number", 5],
  ["an array of one", [{}]],
  ["a record that is text", [1, "text"]],
  ["a time that is the record", eventTime(1, 0)],
])("%s is no record, and the others go on", (_what, value) => {
  const { events, problems } = read(packed(value, { n: 1 }));
  expect([events.length, problems]).toEqual([1, ["type"]]);
});

test("limits are enforced before anything is built, and only what breaks them is refused", () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
  const long = { ["x".repeat(2_000)]: 1 };
  const wide = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [index, 1]));
  const body = packed({ a: "x".repeat(200_000) }, deep(40), wide, long, { n: 1 });
  expect(read(body)).toMatchObject({
    problems: ["event_too_large", "too_deep", "too_many_keys", "name_too_long"],
    events: [{ data: { n: 1 } }],
    end: undefined,
  });
});

test.each([
  ["nothing", Buffer.alloc(0), "empty_body"],
  ["a value that is cut off", packed({ a: "text" }).subarray(0, -1), "invalid_msgpack"],
  ["a byte without meaning", Buffer.from([0xc1]), "invalid_msgpack"],
  ["an array of four billion", Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), "invalid_msgpack"],
  ["maps in maps without end", Buffer.alloc(1_000_000, 0x81), "invalid_msgpack"],
  [
    "an array of a million",
    Buffer.concat([Buffer.from([0xdd, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(1_000_000)]),
    "invalid_msgpack",
  ],
  ["a mark alone", packed([[eventTime(-1, 0), {}], {}]), "no_events"],
  ["too many records", packed(...Array.from({ length: 21 }, () => ({}))), "too_many_events"],
  ["too many marks", packed(...Array.from({ length: 21 }, () => [[eventTime(-2, 0), {}], {}])), "too_many_events"],
])("%s is refused as a whole", (_what, body, code) => {
  expect(read(body).end?.code).toBe(code);
});

test("no bytes throw", () => {
  const nearly = fc
    .tuple(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.nat(), fc.nat(255))
    .map(([values, place, byte]) => {
      const bytes = packed(...values);
      if (bytes.length > 0) bytes[place % bytes.length] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), nearly), (bytes) => {
      for (const { raw } of read(bytes).events) JSON.parse(raw.toString());
    }),
    { numRuns: 3_000 },
  );
});

/** Names that MessagePack's library refuses are left out. */
const record = fc.dictionary(
  fc.string().filter((name) => name !== "__proto__"),
  fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes('"__proto__"')),
);

test("a value ends where its library says, with the depth and the members that its JSON has", () => {
  fc.assert(
    fc.property(record, fc.uint8Array({ maxLength: 4 }), (value, after) => {
      const bytes = packed(value);
      const scanned = scanMsgpack(Buffer.concat([bytes, after]), 0, bytes.length + after.length, 100, 1_000);
      const [json] = readValues(Buffer.from(JSON.stringify(value)), "any", LIMITS);
      expect(scanned).toMatchObject({ start: 0, end: bytes.length, ownKeys: Object.keys(value).length });
      expect(json?.kind).toBe("value");
    }),
  );
});

test("the same record is the same event in MessagePack and in JSON", () => {
  const rules: ValueRules = { ...RULES, options: { typeFrom: "/kind", idFrom: "/id", timeFrom: "/at" } };
  const withFields = fc
    .tuple(record, fc.string({ minLength: 1 }), fc.maxSafeNat(), fc.maxSafeNat())
    .map(([members, kind, id, at]) => ({ ...members, kind, id, at }));
  fc.assert(
    fc.property(withFields, (value) => {
      const json = mapValue(Buffer.from(JSON.stringify(value)), 0, rules, LIMITS);
      const [event] = read(packed(value), LIMITS, rules).events;
      if (json.kind === "malformed") {
        expect(event).toBeUndefined();
        return;
      }
      const { id, type, time, data } = json.event;
      expect(event).toEqual(expect.objectContaining({ id, type, time, data }));
    }),
    { numRuns: 500 },
  );
});

test("what cannot be made a number of may stand where the time should", () => {
  const time = { toString: 1, valueOf: 1 };
  const { events, problems } = read(packed([time, { n: 1 }], [[time, {}], { n: 2 }], ["-1", { n: 3 }]));
  expect(problems).toEqual([]);
  expect(events.map(({ time: text, data }) => [text, data])).toEqual([
    [undefined, { n: 1 }],
    [undefined, { n: 2 }],
    [undefined, { n: 3 }],
  ]);
});

test("others get their turn also while there are only marks of groups", () => {
  const mark = packed([[eventTime(-1, 0), {}], { shared: "x".repeat(50_000) }]);
  const items = readMsgpack(Buffer.concat(Array.from({ length: 8 }, () => mark)), LIMITS, RULES);
  const turns = [...items];
  expect(turns).toEqual([undefined, undefined, undefined, undefined]);
});
