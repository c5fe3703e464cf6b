import * as fc from "fast-check";
import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";
import { decoded, protobufOf } from "./opentelemetry-fixture.ts";

const TYPES = { json: "application/json", protobuf: "application/x-protobuf" } as const;
type Encoding = keyof typeof TYPES;
const ENCODINGS = ["json", "protobuf"] as const;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

function logs(...logRecords: unknown[]): object {
  return { resourceLogs: [{ scopeLogs: [{ logRecords }] }] };
}

const paid = (total: object): object => ({ eventName: "checkout.paid", attributes: [{ key: "total", value: total }] });
const GOOD = paid({ doubleValue: 1.5 });
const BAD = paid({ stringValue: "1.5" });

/** Sends a request, whose answer must be in the encoding of the request. */
async function send(
  { url }: TestServer,
  encoding: Encoding,
  request: object,
  options: { readonly path?: string; readonly key?: string; readonly message?: string } = {},
): Promise<Answer> {
  const { path = "/v1/logs", key = "wk_web", message = "LogsRequest" } = options;
  const reply = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": TYPES[encoding], ...(key === "" ? {} : { authorization: `Bearer ${key}` }) },
    body: encoding === "json" ? JSON.stringify(request) : new Uint8Array(protobufOf(message, request)),
  });
  expect(reply.headers.get("content-type")).toBe(TYPES[encoding]);
  const bytes = Buffer.from(await reply.arrayBuffer());
  const form = reply.status === 200 ? "ExportResponse" : "Status";
  const body: unknown = encoding === "json" ? JSON.parse(bytes.toString()) : decoded(form, bytes);
  return { status: reply.status, headers: reply.headers, body };
}

test.each(ENCODINGS)("in %s a request is answered 200 with an empty response, and its receipt", async (encoding) => {
  await using server = await startTestServer();
  const { status, headers, body } = await send(server, encoding, logs(GOOD, {}));
  expect([status, headers.get("millrace-receipt"), body]).toEqual([200, "0-1", {}]);
  expect(server.journal.events()).toMatchObject([
    { type: "checkout.paid", data: { total: 1.5 } },
    { type: "otlp.log" },
  ]);
});

test.each(ENCODINGS)("in %s a request without telemetry succeeds, and stores nothing", async (encoding) => {
  await using server = await startTestServer();
  for (const query of ["", "?ack=received", "?validate=only"]) {
    const { status, body } = await send(server, encoding, {}, { path: `/v1/logs${query}` });
    expect([status, body]).toEqual([200, {}]);
  }
  expect(server.journal.drafts).toHaveLength(0);
});

test.each(ENCODINGS)("in %s some invalid records are a partial success that says what is wrong", async (encoding) => {
  await using server = await startTestServer();
  const { status, body } = await send(server, encoding, logs(GOOD, BAD, BAD));
  const [rejected, errorMessage] = Object.values((body as { partialSuccess: object }).partialSuccess) as string[];
  expect([status, rejected]).toEqual([200, "2"]);
  expect(errorMessage).toBe('2 of the 3 events are not valid. Event 1 at /data/total: "total" must be a number.');
  expect(server.journal.events()).toHaveLength(1);
  expect(server.quarantine.entries).toHaveLength(2);
});

test.each(ENCODINGS)(
  "in %s a refusal is a Status, with a status of HTTP that tells whether to retry",
  async (encoding) => {
    await using server = await startTestServer({
      sources: [{ name: "native", keys: ["wk_native"], protocols: ["native"] }],
    });
    expect(await send(server, encoding, logs(BAD))).toMatchObject({
      status: 400,
      body: {
        code: 3,
        message: expect.stringContaining("events_invalid: The event is not valid. Event 0 at /data/total"),
      },
    });
    expect(await send(server, encoding, logs(GOOD), { key: "" })).toMatchObject({ status: 401, body: { code: 16 } });
    expect(await send(server, encoding, logs(GOOD), { key: "wk_native" })).toMatchObject({
      status: 403,
      body: { code: 7, message: expect.stringContaining("protocol_disabled: ") },
    });
    server.journal.full = true;
    const full = await send(server, encoding, logs(GOOD));
    expect(full).toMatchObject({ status: 429, body: { code: 8, message: expect.stringContaining("journal_full: ") } });
    expect(Number(full.headers.get("retry-after"))).toBeGreaterThan(0);
  },
);

test("other media types and methods are refused in JSON, with what there is", async () => {
  await using server = await startTestServer();
  const text = await fetch(`${server.url}/v1/traces?key=wk_web`, { method: "POST", body: "{}" });
  expect([text.status, text.headers.get("accept-post"), await text.json()]).toEqual([
    415,
    "application/json, application/x-protobuf",
    { code: 3, message: expect.stringContaining("unsupported_media_type: ") },
  ]);
  const get = await fetch(`${server.url}/v1/metrics`);
  expect([get.status, await get.json()]).toEqual([405, { code: 12, message: expect.any(String) }]);
});

test("a small request of many records with a large resource is taken, in more than one turn", async () => {
  await using server = await startTestServer();
  const resource = { attributes: [{ key: "k", value: { stringValue: "x".repeat(10_000) } }] };
  const request = {
    resourceLogs: [{ resource, scopeLogs: [{ logRecords: Array.from({ length: 100 }, () => ({})) }] }],
  };
  expect(await send(server, "protobuf", request)).toMatchObject({ status: 200, body: {} });
  expect(server.journal.events()).toHaveLength(100);
});

test("a source that takes no events without an id takes records with one", async () => {
  await using server = await startTestServer({ web: { requireId: true } });
  const withId = { attributes: [{ key: "log.record.uid", value: { stringValue: "r-1" } }] };
  const { status, body } = await send(server, "json", logs(withId, {}));
  expect([status, body]).toMatchObject([200, { partialSuccess: { rejectedLogRecords: "1" } }]);
  expect(server.journal.events()).toMatchObject([{ id: "r-1", type: "otlp.log" }]);
});

test("traces and metrics count what was rejected by their own names", async () => {
  await using server = await startTestServer({ http: { maxEventBytes: 2048 } });
  const big = "x".repeat(3000);
  const traces = { resourceSpans: [{ scopeSpans: [{ spans: [{ name: "a" }, { name: big }, { name: "b" }] }] }] };
  expect((await send(server, "json", traces, { path: "/v1/traces" })).body).toMatchObject({
    partialSuccess: { rejectedSpans: "1", errorMessage: expect.stringContaining("too large") },
  });
  const metrics = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: big }, { name: "b" }] }] }] };
  expect((await send(server, "json", metrics, { path: "/v1/metrics" })).body).toMatchObject({
    partialSuccess: { rejectedDataPoints: "1" },
  });
});

test("whatever is sent in either encoding is answered, and never with 5xx", { timeout: 60_000 }, async () => {
  await using server = await startTestServer();
  // Pieces of requests, so that many of them are nearly right.
  const record = protobufOf("LogRecord", { eventName: "a", body: { stringValue: "b" }, traceId: "00".repeat(16) });
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.constantFrom(
      record,
      protobufOf("LogsRequest", logs(GOOD)),
      Buffer.from(JSON.stringify(logs(GOOD))),
      Buffer.from('{"resourceLogs":[{"scopeLogs":[{"logRecords":['),
      Buffer.from(
        '{"eventName":"\\ud800","body":{"stringValue":"\\u0000"},"attributes":[{"key":"__proto__","value":{}}]}',
      ),
      Buffer.from("]}]}]}"),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 4 }),
      fc.constantFrom(...ENCODINGS),
      fc.constantFrom("/v1/logs", "/v1/traces", "/v1/metrics"),
      async (pieces, encoding, path) => {
        const reply = await fetch(`${server.url}${path}?key=wk_web`, {
          method: "POST",
          headers: { "content-type": TYPES[encoding] },
          body: new Uint8Array(Buffer.concat(pieces)),
        });
        expect(reply.headers.get("content-type")).toBe(TYPES[encoding]);
        expect(reply.status).toBeLessThan(500);
        await reply.arrayBuffer();
      },
    ),
    { numRuns: 300 },
  );
});

test("events that are longer than their request count as its bytes as long as it is under way", async () => {
  const MiB = 1024 ** 2;
  const limits = { maxEventBytes: MiB / 4, maxRequestBytes: MiB, maxPendingBytes: 4 * MiB };
  await using server = await startTestServer({ http: limits });
  const resource = { attributes: [{ key: "about", value: { stringValue: "x".repeat(50_000) } }] };
  const request = (records: number): object => ({
    resourceLogs: [{ resource, scopeLogs: [{ logRecords: Array.from({ length: records }, () => ({})) }] }],
  });
  const gate = Promise.withResolvers<void>();
  server.journal.gate = gate.promise;
  const first = send(server, "json", request(60));
  await expect.poll(() => server.journal.drafts.length).toBe(60);

  const second = await send(server, "json", request(60));
  expect([second.status, second.headers.get("retry-after") === null]).toEqual([429, false]);
  gate.resolve();
  expect((await first).status).toBe(200);
  expect((await send(server, "json", request(60))).status).toBe(200);
  const large = await send(server, "json", request(100));
  expect([large.status, large.body]).toMatchObject([413, { message: expect.stringContaining("body_too_large") }]);
  expect(server.journal.drafts).toHaveLength(120);
});
