import * as fc from "fast-check";
import { expect, test } from "vitest";
import { protobufOf } from "./opentelemetry-fixture.ts";
import type { OtlpEncoding } from "./otlp-answer.ts";
import { logs, read, readJson } from "./read-otlp-fixture.ts";
import { LOGS, METRICS, type Signal, SIGNALS, TRACES } from "./signal.ts";

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
const double = fc.double({ noDefaultInfinity: true, noNaN: true, min: 0.1 });
const uint64 = nanos;
const buckets = fc.record({
  offset: fc.integer().filter((offset) => offset !== 0),
  bucketCounts: fc.array(uint64, { minLength: 1 }),
});
const metric = fc.record(
  {
    name: fc.string({ minLength: 1 }),
    unit: fc.string({ minLength: 1 }),
    sum: fc.record({
      dataPoints: fc.array(
        fc.oneof(
          fc.record({ timeUnixNano: nanos, asDouble: double }),
          fc.record({ timeUnixNano: nanos, asInt: int64.filter((value) => value !== "0") }),
        ),
        { minLength: 1 },
      ),
      aggregationTemporality: fc.integer({ min: 1, max: 2 }),
      isMonotonic: fc.constant(true),
    }),
    exponentialHistogram: fc.record({
      dataPoints: fc.array(
        fc.record(
          {
            count: uint64,
            sum: double,
            scale: fc.integer().filter((scale) => scale !== 0),
            zeroCount: uint64,
            positive: buckets,
            negative: buckets,
            zeroThreshold: double,
          },
          optional,
        ),
        { minLength: 1 },
      ),
    }),
    summary: fc.record({
      dataPoints: fc.array(
        fc.record({
          count: uint64,
          sum: double,
          quantileValues: fc.array(fc.record({ quantile: double, value: double }), { minLength: 1 }),
        }),
        { minLength: 1 },
      ),
    }),
    metadata: anyValue.list,
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
  ["metrics", METRICS, metric, "MetricsRequest"],
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
