import { expect, test } from "vitest";
import { readAll } from "../native/read-all-fixture.ts";
import { protobufOf } from "./opentelemetry-fixture.ts";
import { LIMITS, logs, read, readJson, RESOURCE } from "./read-otlp-fixture.ts";
import { readOtlp } from "./read-otlp.ts";
import { LOGS, METRICS, TRACES } from "./signal.ts";

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

test("what costs time and becomes few events or none is bounded over a whole request", () => {
  const small = Array.from({ length: 400 }, () => ({}));
  const resources = (count: number): object => ({
    resourceSpans: Array.from({ length: count }, () => ({ resource: RESOURCE, scopeSpans: [{ spans: small }] })),
  });
  expect(readJson(resources(2), TRACES)).toHaveLength(2);
  expect(readJson(resources(3), TRACES)).toContain("at most 1000 spans or metrics");
  expect(read(protobufOf("TracesRequest", resources(2)), "protobuf", TRACES)).toHaveLength(2);
  expect(read(protobufOf("TracesRequest", resources(3)), "protobuf", TRACES)).toContain("at most 1000 spans");
  const unknown = Buffer.from("7800".repeat(400), "hex");
  expect(read(Buffer.concat([1, 1, 1].map((number) => field(number, unknown))), "protobuf")).toContain("at most 1000");
  expect(read(Buffer.from("7800".repeat(1001), "hex"), "protobuf")).toContain("at most 1000");
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
