import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventLimits } from "../incoming-event.ts";
import { readAll } from "../native/read-all-fixture.ts";
import { protobufOf } from "./opentelemetry-fixture.ts";
import type { OtlpEncoding } from "./otlp-answer.ts";
import { readOtlp } from "./read-otlp.ts";
import { LOGS, METRICS, type Signal, SIGNALS, TRACES } from "./signal.ts";

const LIMITS: EventLimits = {
  maxEventBytes: 64 * 1024,
  maxEventsPerRequest: 100,
  maxJsonDepth: 32,
  maxJsonKeys: 1000,
};

const RESOURCE = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };

function logs(...logRecords: unknown[]): object {
  return {
    resourceLogs: [{ resource: RESOURCE, scopeLogs: [{ scope: { name: "checkout", version: "1.0" }, logRecords }] }],
  };
}

/** The events as senders of the native protocol would have written them, or what is wrong with each. */
function read(body: Buffer, encoding: OtlpEncoding, signal: Signal = LOGS, limits = LIMITS): unknown[] | string {
  const all = readAll(readOtlp(body, encoding, signal, limits));
  if (all.kind === "unreadable") return `${all.code}: ${all.detail}`;
  return all.items.map((item): unknown =>
    item.kind === "event"
      ? JSON.parse(item.event.raw.toString())
      : item.malformed.problems.map(({ code, pointer, message }) => `${code} ${pointer} ${message}`).join(),
  );
}

function readJson(request: unknown, signal: Signal = LOGS, limits = LIMITS): unknown[] | string {
  return read(Buffer.from(JSON.stringify(request)), "json", signal, limits);
}

/** Of a request of one log record. */
function only(request: unknown): Record<string, unknown> {
  const [event] = readJson(request);
  return event as Record<string, unknown>;
}

test("a log record becomes an event with its time to the nanosecond, body, attributes, severity and ids", () => {
  const event = only(
    logs({
      timeUnixNano: "1700000000123456789",
      observedTimeUnixNano: "1700000000999000000",
      severityNumber: 17,
      severityText: "ERROR",
      body: { stringValue: "card refused" },
      attributes: [
        { key: "user.id", value: { stringValue: "u1" } },
        { key: "session.id", value: { stringValue: "s1" } },
        { key: "amount", value: { intValue: "42" } },
        { key: "huge", value: { intValue: "9007199254740993" } },
        { key: "ratio", value: { doubleValue: 0.5 } },
        { key: "none", value: { doubleValue: "NaN" } },
        { key: "ok", value: { boolValue: true } },
        { key: "raw", value: { bytesValue: "AP8=" } },
        { key: "list", value: { arrayValue: { values: [{ intValue: 1 }, {}] } } },
        { key: "map", value: { kvlistValue: { values: [{ key: "a", value: { stringValue: "b" } }] } } },
      ],
      flags: 1,
      traceId: "5B8EFFF798038103D269B633813FC60C",
      spanId: "eee19b7ec3c1b174",
    }),
  );
  expect(event).toEqual({
    type: "otlp.log",
    time: "2023-11-14T22:13:20.123456789Z",
    severitynumber: 17,
    severitytext: "ERROR",
    traceid: "5b8efff798038103d269b633813fc60c",
    spanid: "eee19b7ec3c1b174",
    userid: "u1",
    sessionid: "s1",
    servicename: "shop",
    data: {
      body: "card refused",
      attributes: {
        "user.id": "u1",
        "session.id": "s1",
        amount: 42,
        huge: "9007199254740993",
        ratio: 0.5,
        none: "NaN",
        ok: true,
        raw: "AP8=",
        list: [1, null],
        map: { a: "b" },
      },
    },
    otlp: JSON.stringify({
      resource: RESOURCE,
      scopeLogs: [
        {
          scope: { name: "checkout", version: "1.0" },
          logRecords: [{ observedTimeUnixNano: "1700000000999000000", flags: 1 }],
        },
      ],
    }),
  });
});

test("a record with an event name has that as type, and as data what a native event has", () => {
  const total = { key: "total", value: { doubleValue: 9.5 } };
  const paid = { type: "checkout.paid", id: "e-1", data: { total: 9.5 } };
  const uid = { key: "log.record.uid", value: { stringValue: "e-1" } };
  expect(only(logs({ eventName: "checkout.paid", attributes: [uid, total] }))).toMatchObject(paid);
  expect(
    only(logs({ eventName: "checkout.paid", attributes: [uid], body: { kvlistValue: { values: [total] } } })),
  ).toMatchObject(paid);
  const before = { key: "event.name", value: { stringValue: "checkout.paid" } };
  expect(only(logs({ attributes: [before, uid, total] }))).toMatchObject(paid);
  expect(only(logs({ eventName: "a", body: { stringValue: "b" } }))).toMatchObject({ type: "a", data: "b" });
  expect(only(logs({ eventName: "a" }))).not.toHaveProperty("data");
});

test("what of an event has no place of its own stays in otlp", () => {
  const attributes = [{ key: "page", value: { stringValue: "/" } }];
  const body = { kvlistValue: { values: [{ key: "total", value: { intValue: "1" } }] } };
  const leftOver = (record: object): unknown =>
    JSON.parse(String(only(logs({ eventName: "a", ...record }))["otlp"])).scopeLogs[0].logRecords;
  expect(leftOver({ attributes, body })).toEqual([{ attributes }]);
  expect(leftOver({ attributes, body: { stringValue: "b" } })).toEqual([{ body: { stringValue: "b" } }]);
  expect(leftOver({ traceId: "short", severityNumber: 99, futureMember: [1.0] })).toEqual([
    { traceId: "short", severityNumber: 99, futureMember: [1.0] },
  ]);
  expect(leftOver({ traceId: "", spanId: null, severityNumber: 0 })).toBeUndefined();
});

test("the observed time stands in for the time, and without either there is none", () => {
  expect(only(logs({ timeUnixNano: "0", observedTimeUnixNano: "1700000000000000000" }))["time"]).toBe(
    "2023-11-14T22:13:20.000Z",
  );
  expect(only(logs({ timeUnixNano: "1700000000000001000" }))["time"]).toBe("2023-11-14T22:13:20.000001Z");
  // Not in quotes, as people write it, and still exact.
  const body = Buffer.from('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":1700000000123456789}]}]}]}');
  expect(read(body, "json")).toMatchObject([{ time: "2023-11-14T22:13:20.123456789Z" }]);
  expect(only(logs({}))).not.toHaveProperty("time");
});

test("a record with a value that is none of OTLP's is told what is wrong, and the others are taken", () => {
  const bad = (value: unknown): object => ({ attributes: [{ key: "a", value }] });
  const results = readJson(
    logs(bad({ stringValue: 5 }), bad({ intValue: "x" }), { body: "text" }, { attributes: { a: 1 } }, 7, {}),
  );
  expect(results).toEqual([
    'invalid_otlp /attributes/0/value/stringValue "stringValue" must be a string.',
    'invalid_otlp /attributes/0/value/intValue "intValue" must be an integer of 64 bits in quotes, such as "12345678901234567".',
    "invalid_otlp /body A value must be an object such as {…}.",
    "invalid_otlp /attributes Attributes must be an array of keys and values.",
    "type  An element of `logRecords` must be an object.",
    expect.objectContaining({ type: "otlp.log" }),
  ]);
});

test("a request without telemetry is read, and one that is something else is told so", () => {
  expect([readJson({}), readJson({ resourceLogs: [] }), readJson({ resourceLogs: null })]).toEqual([[], [], []]);
  expect(read(Buffer.alloc(0), "protobuf")).toEqual([]);
  expect(readJson({ type: "page.viewed" })).toContain("invalid_otlp: The body has no `resourceLogs`");
  expect(readJson({ resourceSpans: [] })).toBe("invalid_otlp: The body holds `resourceSpans`; send it to /v1/traces.");
  expect(readJson({ resourceLogs: {} })).toBe("invalid_otlp: `resourceLogs` must be an array.");
  expect(readJson([])).toBe("invalid_otlp: The body must be an object.");
  expect(read(Buffer.from('{"resourceLogs":['), "json")).toContain("invalid_json: Line 1");
  expect(read(Buffer.from('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"a":tru}]}]}]}'), "json")).toContain(
    "invalid_json: Line 1",
  );
  expect(read(Buffer.from([0xff, 0x7b]), "json")).toContain("invalid_utf8");
  expect(read(Buffer.from("  "), "json")).toContain("empty_body");
  expect(read(Buffer.from('{"resourceLogs":[]}'), "protobuf")).toContain("invalid_otlp: The body is not the protobuf");
});

const spans = (count: number): object[] =>
  Array.from({ length: count }, (_, index) => ({
    traceId: "5b8efff798038103d269b633813fc60c",
    spanId: index.toString(16).padStart(16, "0"),
    name: `GET /${index}`,
    startTimeUnixNano: "1700000000123456789",
    attributes: [{ key: "i", value: { intValue: String(index) } }],
  }));

test("the spans of a resource are one event, whose data is what OTLP has", () => {
  const resourceSpans = [
    {
      resource: RESOURCE,
      scopeSpans: [{ scope: { name: "a" }, spans: spans(2) }, { spans: spans(1) }],
      schemaUrl: "u",
    },
    { scopeSpans: [{ spans: spans(1) }] },
  ];
  const events = readJson({ resourceSpans }, TRACES) as Record<string, unknown>[];
  expect(events).toEqual([
    { type: "otlp.traces", servicename: "shop", data: resourceSpans[0] },
    { type: "otlp.traces", data: resourceSpans[1] },
  ]);
});

test("numbers in a batch of JSON keep their digits", () => {
  const body = '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","x":1.10,"y":12345678901234567890}]}]}]}';
  const all = readAll(readOtlp(Buffer.from(body), "json", METRICS, LIMITS));
  const [item] = all.kind === "items" ? all.items : [];
  expect(item?.kind === "event" ? item.event.raw.toString() : "").toContain('"x":1.10,"y":12345678901234567890');
});

test.each(["json", "protobuf"] as const)("a batch in %s that is too large for an event becomes several", (encoding) => {
  const request = {
    resourceSpans: [{ resource: RESOURCE, scopeSpans: [{ scope: { name: "a" }, spans: spans(500) }] }],
  };
  const body = encoding === "json" ? Buffer.from(JSON.stringify(request)) : protobufOf("TracesRequest", request);
  const events = read(body, encoding, TRACES);
  expect(events).not.toHaveLength(1);
  const names: unknown[] = [];
  for (const event of events as { data: { resource: unknown; scopeSpans: { spans: { name: string }[] }[] } }[]) {
    expect(event.data.resource).toEqual(RESOURCE);
    for (const scope of event.data.scopeSpans) names.push(...scope.spans.map(({ name }) => name));
  }
  expect(names).toEqual(spans(500).map((span) => (span as { name: string }).name));
});

test("what a request can become is bounded, however little it takes to ask for it", () => {
  const many = Array.from({ length: 101 }, () => ({}));
  expect(readJson(logs(...many))).toContain("too_many_events");
  expect(readJson({ resourceLogs: many })).toContain("too_many_events");
  expect(read(Buffer.from("0a00".repeat(101), "hex"), "protobuf")).toContain("too_many_events");
  const resource = { attributes: [{ key: "a", value: { stringValue: "x".repeat(60_000) } }] };
  const limits = { ...LIMITS, maxEventBytes: 256 * 1024, maxEventsPerRequest: 10_000 };
  const amplified = {
    resourceLogs: [{ resource, scopeLogs: [{ logRecords: Array.from({ length: 2000 }, () => ({})) }] }],
  };
  expect(readJson(amplified, LOGS, limits)).toContain("body_too_large");
  expect(read(protobufOf("LogsRequest", amplified), "protobuf", LOGS, limits)).toContain("body_too_large");
});

/** An AnyValue within `depth` lists. */
function nested(depth: number): unknown {
  let value: unknown = { stringValue: "x" };
  for (let i = 0; i < depth; i++) value = { arrayValue: { values: [value] } };
  return value;
}

/** A field of protobuf that holds bytes. */
function field(number: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let left = body.length;
  for (; left >= 0x80; left >>>= 7) length.push((left & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length, left]), body]);
}

test.each([
  [29, true],
  [100, false],
  [3000, false],
])("of values nested %i deep it is %s that they are taken, as in a native event", (depth, fits) => {
  // Lists are field 5 of a value, and hold values as field 1.
  let bytes = field(1, Buffer.from("x"));
  for (let i = 0; i < depth; i++) bytes = field(5, field(1, bytes));
  const inProtobuf = field(1, field(2, field(2, field(5, bytes))));
  const inJson = JSON.stringify(logs({ body: nested(depth) }));
  for (const events of [read(inProtobuf, "protobuf"), read(Buffer.from(inJson), "json")]) {
    const expected = fits
      ? { type: "otlp.log", data: { body: expect.any(Array) } }
      : expect.stringContaining("too_deep");
    expect(events).toEqual([fits ? expect.objectContaining(expected) : expected]);
  }
});

test("a record of protobuf that is damaged is refused alone", () => {
  const good = protobufOf("LogRecord", { eventName: "a" });
  const cut = Buffer.from([0x2a, 0x7f]);
  const latin1 = field(3, Buffer.from([0xe9]));
  const body = field(1, field(2, field(2, good), field(2, cut), field(2, latin1), field(2, good)));
  expect(read(body, "protobuf")).toEqual([
    { type: "a" },
    expect.stringContaining("invalid_otlp  The record is not protobuf: a field of 127 bytes is cut short"),
    expect.stringContaining("invalid_utf8"),
    { type: "a" },
  ]);
});

const name = fc.string({ unit: "grapheme", maxLength: 8 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const anyValue = fc.letrec<{ value: unknown; list: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.record({ stringValue: name }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: int64 }),
    fc.record({ doubleValue: fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => value + 0) }),
    fc.record({ bytesValue: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString("base64")) }),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie("value"), { minLength: 1, maxLength: 3 }) }) }),
    fc.record({ kvlistValue: fc.record({ values: tie("list") }) }),
  ),
  list: fc.array(fc.record({ key: fc.string({ minLength: 1, maxLength: 5 }), value: tie("value") }), {
    minLength: 1,
    maxLength: 3,
  }),
}));
const nanos = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String);
const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString("hex"));
const optional = { requiredKeys: [] };
// In the order of their numbers, which is that of what is printed.
const logRecord = fc.record(
  {
    timeUnixNano: nanos,
    severityNumber: fc.integer({ min: 1, max: 24 }),
    severityText: fc.string({ minLength: 1, maxLength: 5 }),
    body: anyValue.value,
    attributes: anyValue.list,
    droppedAttributesCount: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    flags: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    traceId: hex(16),
    spanId: hex(8),
    observedTimeUnixNano: nanos,
    eventName: fc.string({ minLength: 1, maxLength: 5 }),
  },
  optional,
);
const span = fc.record(
  {
    traceId: hex(16),
    spanId: hex(8),
    parentSpanId: hex(8),
    name: fc.string({ minLength: 1 }),
    kind: fc.integer({ min: 1, max: 5 }),
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes: anyValue.list,
    events: fc.array(fc.record({ timeUnixNano: nanos, name: fc.string({ minLength: 1 }) }), { minLength: 1 }),
    status: fc.record({ message: fc.string({ minLength: 1 }), code: fc.integer({ min: 1, max: 2 }) }),
    flags: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  },
  optional,
);
const surroundings = {
  resource: fc.record({ attributes: anyValue.list }, optional),
  scope: fc.record({ name: fc.string({ minLength: 1 }), attributes: anyValue.list }, optional),
};

function requestOf(item: fc.Arbitrary<unknown>, { resources, scopes, items }: Signal): fc.Arbitrary<unknown> {
  const scoped = fc.record({ scope: surroundings.scope, [items]: fc.array(item, { minLength: 1, maxLength: 3 }) });
  const resource = fc.record({
    resource: surroundings.resource,
    [scopes]: fc.array(scoped, { minLength: 1, maxLength: 2 }),
  });
  return fc.record({ [resources]: fc.array(resource, { minLength: 1, maxLength: 2 }) });
}

test.each([
  ["logs", LOGS, logRecord, "LogsRequest"],
  ["traces", TRACES, span, "TracesRequest"],
] as const)("%s in JSON and in protobuf become the same events", (_name, signal, item, message) => {
  fc.assert(
    fc.property(requestOf(item, signal), (request) => {
      const fromJson = readJson(request, signal);
      expect(fromJson).not.toEqual(expect.any(String));
      expect(read(protobufOf(message, request), "protobuf", signal)).toEqual(fromJson);
    }),
  );
});

test("whatever the bytes are, they are read or refused", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
    fc.json().map((each) => Buffer.from(each)),
    fc
      .tuple(requestOf(logRecord, LOGS), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.boolean())
      .map(([request, edits, isJson]) => {
        const body = isJson ? Buffer.from(JSON.stringify(request)) : protobufOf("LogsRequest", request);
        for (const [at, byte] of edits) if (body.length > 0) body[at % body.length] = byte;
        return body;
      }),
    // JSON with values of any kind where OTLP has its own.
    fc.jsonValue().chain((value) =>
      fc
        .constantFrom<(value: unknown) => unknown>(
          (each) => ({ resourceLogs: each }),
          (each) => ({ resourceLogs: [{ resource: each, scopeLogs: each }] }),
          (each) => logs(each),
          (each) => logs({ body: each, attributes: each, eventName: each, severityNumber: each, timeUnixNano: each }),
          (each) =>
            logs({
              attributes: [each, { key: "event.name", value: each }, { key: "a", value: { kvlistValue: each } }],
            }),
        )
        .map((wrap) => Buffer.from(JSON.stringify(wrap(value)))),
    ),
  );
  fc.assert(
    fc.property(
      bytes,
      fc.constantFrom<OtlpEncoding>("json", "protobuf"),
      fc.constantFrom(...SIGNALS),
      (body, encoding, signal) => {
        const events = read(body, encoding, signal);
        if (typeof events === "string") expect(events).toMatch(/^[a-z0-9_]+: ./);
      },
    ),
    { numRuns: 2000 },
  );
});
