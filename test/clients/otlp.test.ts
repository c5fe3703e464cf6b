import { diag, DiagLogLevel, ROOT_CONTEXT, SeverityNumber, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPLogExporter as JsonLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ClientRig, startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

const MS = 60_000;
const PAID_SCHEMA = { type: "object", required: ["total"], properties: { total: { type: "number" } } };
const resource = resourceFromAttributes({ "service.name": "shop", "service.instance.count": 3 });

/** What the SDK itself says, which nobody else hears. */
const told: string[] = [];

beforeEach(() => {
  told.length = 0;
  const tell = (...words: unknown[]): void => void told.push(words.join(" "));
  diag.setLogger({ error: tell, warn: tell, info: tell, debug: () => {}, verbose: tell }, DiagLogLevel.ALL);
});

afterEach(() => {
  vi.unstubAllEnvs();
  diag.disable();
});

/** Tells exporters where to send as their users do: by the environment. */
function sendTo({ origin }: ClientRig): void {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", origin);
  vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20wk_app");
  vi.stubEnv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
}

interface Result {
  readonly code: number;
  readonly error?: Error;
}

/** Notes what an exporter reports of each batch; code 0 is success. */
function watch(exporter: { export(items: never, done: (result: Result) => void): void }): Result[] {
  const results: Result[] = [];
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      results.push(result);
      done(result);
    });
  return results;
}

const LOG_EXPORTERS = [
  ["json", "@opentelemetry/exporter-logs-otlp-http", JsonLogExporter],
  ["protobuf", "@opentelemetry/exporter-logs-otlp-proto", ProtobufLogExporter],
] as const;

test.each(LOG_EXPORTERS)(
  "logs and events of OpenTelemetry in %s arrive once each, with their data",
  { timeout: MS },
  async (encoding, client, LogExporter) => {
    await using rig = await startClientRig({ schemas: { "checkout.paid": PAID_SCHEMA } });
    sendTo(rig);
    const exporter = new LogExporter();
    const results = watch(exporter);
    const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
    const logger = provider.getLogger("checkout", "1.2.3");
    const span = new TracerProvider().getTracer("t").startSpan("s");
    for (let i = 0; i < 500; i++) {
      logger.emit({
        eventName: "checkout.paid",
        timestamp: [1_700_000_000, 123_456_789 + i],
        severityNumber: SeverityNumber.INFO,
        severityText: "INFO",
        attributes: { "log.record.uid": `paid-${i}`, total: i + 0.5, currency: "EUR" },
      });
    }
    logger.emit({
      body: { text: "card refused", tries: [1, 2, 3], raw: new Uint8Array([0, 255]) },
      severityNumber: SeverityNumber.ERROR,
      attributes: { "user.id": "u1", vip: true },
      context: trace.setSpan(ROOT_CONTEXT, span),
    });
    await provider.forceFlush();

    expect(results).toEqual([{ code: 0 }]);
    const events = await rig.arrived(501);
    expect(events).toHaveLength(501);
    expect(events.slice(0, 500).map(({ id }) => id)).toEqual(Array.from({ length: 500 }, (_, i) => `paid-${i}`));
    expect(events[7]).toMatchObject({
      id: "paid-7",
      type: "checkout.paid",
      time: "2023-11-14T22:13:20.123456796Z",
      data: { total: 7.5, currency: "EUR" },
      severitynumber: 9,
      severitytext: "INFO",
      servicename: "shop",
    });
    expect(Object.keys(events[7]?.data ?? {})).toEqual(["total", "currency"]);
    expect(events[500]).toMatchObject({
      type: "otlp.log",
      idassigned: true,
      data: {
        body: { text: "card refused", tries: [1, 2, 3], raw: "AP8=" },
        attributes: { "user.id": "u1", vip: true },
      },
      severitynumber: 17,
      userid: "u1",
      traceid: span.spanContext().traceId,
      spanid: span.spanContext().spanId,
    });
    expect(JSON.parse(String(events[500]?.["otlp"]))).toMatchObject({
      resource: { attributes: [{ key: "service.name" }, { key: "service.instance.count" }] },
      scopeLogs: [{ scope: { name: "checkout", version: "1.2.3" } }],
    });
    await provider.shutdown();
    await conforms(`otlp-logs-${encoding}`, {
      protocol: "otlp",
      client,
      sent: "500 events with names and ids and 1 log record with a map as body, in one batch with gzip",
      arrived: "501 events: types, ids, times to the nanosecond and data as natively, trace and span id of the record",
      clientSaw: "export callback with code 0, forceFlush resolved",
    });
  },
);

const TRACE_EXPORTERS = [
  ["json", "@opentelemetry/exporter-trace-otlp-http", JsonTraceExporter],
  ["protobuf", "@opentelemetry/exporter-trace-otlp-proto", ProtobufTraceExporter],
] as const;

interface SpanJson {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly attributes: unknown;
  readonly events: readonly unknown[];
  readonly status: unknown;
}

test.each(TRACE_EXPORTERS)(
  "spans of OpenTelemetry in %s arrive once each, as OTLP has them",
  { timeout: MS },
  async (encoding, client, TraceExporter) => {
    await using rig = await startClientRig();
    sendTo(rig);
    const exporter = new TraceExporter();
    const results = watch(exporter);
    const processor = new BatchSpanProcessor({ exporter, maxQueueSize: 2000, maxExportBatchSize: 512 });
    const provider = new TracerProvider({ resource, spanProcessors: [processor] });
    const tracer = provider.getTracer("checkout", "1.2.3");
    const ids: string[] = [];
    for (let i = 0; i < 1000; i++) {
      const span = tracer.startSpan(`GET /${i}`, {
        attributes: { "http.status": 500, i, ratio: 0.5, tags: ["a", "b"] },
      });
      span.addEvent("retried", { attempt: 1 });
      span.setStatus({ code: SpanStatusCode.ERROR, message: "late" });
      span.end();
      ids.push(span.spanContext().spanId);
    }
    await provider.forceFlush();

    // A flush may end before the answer to a batch that was full, and sent, before it.
    await expect.poll(() => results.length).toBeGreaterThanOrEqual(2);
    expect(results.filter(({ code }) => code !== 0)).toEqual([]);
    const spansOf = (data: unknown): SpanJson[] =>
      (data as { scopeSpans: { spans: SpanJson[] }[] }).scopeSpans.flatMap(({ spans }) => spans);
    const seen: SpanJson[] = [];
    // A batch of 512 spans is more than an event may hold, so it comes in several.
    for (let events = 2; seen.length < 1000 && events < 50; events++) {
      seen.splice(0, seen.length, ...(await rig.arrived(events)).flatMap(({ data }) => spansOf(data)));
    }
    expect(seen.map(({ spanId }) => spanId).toSorted()).toEqual(ids.toSorted());
    expect(seen.find(({ name }) => name === "GET /3")).toMatchObject({
      name: "GET /3",
      attributes: [
        { key: "http.status", value: { intValue: encoding === "json" ? 500 : "500" } },
        { key: "i" },
        { key: "ratio", value: { doubleValue: 0.5 } },
        { key: "tags", value: { arrayValue: { values: [{ stringValue: "a" }, { stringValue: "b" }] } } },
      ],
      events: [{ name: "retried" }],
      status: { code: 2, message: "late" },
    });
    for (const { type, data, ...event } of await rig.arrived(2)) {
      expect([type, event["servicename"]]).toEqual(["otlp.traces", "shop"]);
      expect(data).toMatchObject({ scopeSpans: [{ scope: { name: "checkout", version: "1.2.3" } }] });
    }
    await provider.shutdown();
    await conforms(`otlp-traces-${encoding}`, {
      protocol: "otlp",
      client,
      sent: "1000 spans with attributes, events and status, in batches of 512 with gzip",
      arrived: "1000 spans, each once, as OTLP's JSON in events of the type otlp.traces",
      clientSaw: "export callback with code 0 for each batch, forceFlush resolved",
    });
  },
);

test("metrics of OpenTelemetry in protobuf arrive, of every kind", { timeout: MS }, async () => {
  await using rig = await startClientRig();
  sendTo(rig);
  const exporter = new OTLPMetricExporter();
  const results = watch(exporter);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
  const provider = new MeterProvider({
    resource,
    readers: [reader],
    views: [{ instrumentName: "exponential", aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const meter = provider.getMeter("checkout", "1.2.3");
  meter.createCounter("orders", { unit: "{order}", description: "Orders paid" }).add(3, { shop: "a" });
  meter.createUpDownCounter("open").add(-2.5);
  meter.createGauge("heat").record(-1.5);
  meter.createHistogram("took", { advice: { explicitBucketBoundaries: [1, 10] } }).record(5);
  const exponential = meter.createHistogram("exponential");
  for (const value of [0, 0.001, 1, 1e6]) exponential.record(value);
  await provider.forceFlush();

  expect(results).toEqual([{ code: 0 }]);
  const [event] = await rig.arrived(1);
  expect(event).toMatchObject({ type: "otlp.metrics", servicename: "shop" });
  const data = event?.data as { scopeMetrics: { scope: unknown; metrics: { name: string }[] }[] };
  expect(data.scopeMetrics[0]?.scope).toMatchObject({ name: "checkout", version: "1.2.3" });
  const metrics = new Map(data.scopeMetrics[0]?.metrics.map((metric) => [metric.name, metric]));
  expect(metrics.get("orders")).toMatchObject({
    unit: "{order}",
    description: "Orders paid",
    sum: {
      isMonotonic: true,
      aggregationTemporality: 2,
      dataPoints: [{ asDouble: 3, attributes: [{ key: "shop", value: { stringValue: "a" } }] }],
    },
  });
  expect(metrics.get("open")).toMatchObject({ sum: { dataPoints: [{ asDouble: -2.5 }] } });
  expect(metrics.get("heat")).toMatchObject({ gauge: { dataPoints: [{ asDouble: -1.5 }] } });
  expect(metrics.get("took")).toMatchObject({
    histogram: {
      dataPoints: [{ count: "1", sum: 5, min: 5, max: 5, bucketCounts: ["0", "1", "0"], explicitBounds: [1, 10] }],
    },
  });
  const [point] = (metrics.get("exponential") as unknown as { exponentialHistogram: { dataPoints: unknown[] } })
    .exponentialHistogram.dataPoints;
  expect(point).toMatchObject({ count: "4", zeroCount: "1", scale: expect.any(Number), min: 0, max: 1e6 });
  const { positive } = point as { positive: { offset: number; bucketCounts: string[] } };
  expect(positive.offset).toBeLessThan(0);
  expect(positive.bucketCounts.reduce((sum, count) => sum + Number(count), 0)).toBe(3);
  await provider.shutdown();
  await conforms("otlp-metrics-protobuf", {
    protocol: "otlp",
    client: "@opentelemetry/exporter-metrics-otlp-proto",
    sent: "a counter, an up-down counter, a gauge, a histogram and an exponential histogram, with gzip",
    arrived: "1 event of the type otlp.metrics with all 5, values and buckets as recorded",
    clientSaw: "export callback with code 0, forceFlush resolved",
  });
});

test.each(LOG_EXPORTERS)(
  "what is refused over the quota is sent again by the exporter in %s, and arrives once",
  { timeout: MS },
  async (encoding, client, LogExporter) => {
    await using rig = await startClientRig({ source: "quota: { eventsPerSecond: 8, burst: 8 }" });
    sendTo(rig);
    const exporter = new LogExporter({ timeoutMillis: 30_000 });
    const results = watch(exporter);
    const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
    const logger = provider.getLogger("checkout");
    for (let batch = 0; batch < 2; batch++) {
      for (let i = 0; i < 30; i++)
        logger.emit({ eventName: "ping", attributes: { "log.record.uid": `${batch}-${i}` } });
      await provider.forceFlush();
    }
    expect(results).toEqual([{ code: 0 }, { code: 0 }]);
    expect(told.join("\n")).toContain("Scheduling export retry in");
    const metrics = await (await fetch(`http://127.0.0.1:${rig.collector.adminPort}/metrics`)).text();
    expect(metrics).toMatch(/millrace_ingest_refused_requests_total\{.*reason="quota_exceeded".*\} [1-5]\n/);
    const ledger = await rig.collector.settled();
    expect(ledger.accepted).toEqual({ app: 60 });
    const ids = (await rig.arrived(60)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(60);
    await provider.shutdown();
    await conforms(`otlp-retry-${encoding}`, {
      protocol: "otlp",
      client,
      sent: "2 batches of 30 events to a source that takes 8 a second",
      arrived: "60 events, each once",
      clientSaw: "429 with Retry-After for the second batch, sent again by itself, then code 0",
    });
  },
);

test.each(LOG_EXPORTERS)(
  "the exporter in %s is told of what was rejected, and does not send it again",
  { timeout: MS },
  async (encoding, client, LogExporter) => {
    await using rig = await startClientRig({ schemas: { "checkout.paid": PAID_SCHEMA } });
    sendTo(rig);
    const exporter = new LogExporter();
    const results = watch(exporter);
    const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
    const logger = provider.getLogger("checkout");
    const emit = (attributes: Record<string, string | number>): void =>
      logger.emit({ eventName: "checkout.paid", attributes });
    emit({ total: 1 });
    emit({ total: "one" });
    emit({ total: 2 });
    await provider.forceFlush();
    expect(results).toEqual([{ code: 0 }]);
    const partial = told.find((line) => line.startsWith("Received Partial Success response:"));
    expect(partial).toMatch(/"rejectedLogRecords":"?1"?,/);
    expect(partial).toContain("Event 1 at /data/total");

    emit({ total: "two" });
    await provider.forceFlush();
    expect(results[1]?.code).toBe(1);
    expect(told.some((line) => line.startsWith("Scheduling"))).toBe(false);
    const ledger = await rig.collector.settled();
    expect([ledger.accepted, ledger.quarantined]).toEqual([{ app: 2 }, { app: 2 }]);
    await provider.shutdown();
    await conforms(`otlp-partial-${encoding}`, {
      protocol: "otlp",
      client,
      sent: "a batch with 1 of 3 events against its schema, and a batch with nothing else",
      arrived: "2 events; the other 2 are in the quarantine",
      clientSaw: "code 0 with a partial success that counts 1 and says why; then code 1, and nothing sent again",
    });
  },
);
