import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "./ingest-server-fixture.ts";
import { certificateFolder } from "./tls/tls-fixture.ts";

/** The same request must mean the same, whichever protocol it comes over. */

interface TestRequest {
  readonly method?: string;
  readonly path?: string;
  /** With the key of the source `web` unless it has one, or has `x-no-key`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

interface TestAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const EVENT = '{"type":"page.viewed","id":"e-1"}';
const JSON_TYPE = { "content-type": "application/json" };
const ORIGIN = { origin: "https://shop.example" };
const PREFLIGHT = { ...ORIGIN, "access-control-request-method": "POST", "x-no-key": "1" };

const REQUESTS: Readonly<Record<string, TestRequest>> = {
  "an event": { body: EVENT },
  "an event of no type, as beacons send it": { body: EVENT, headers: {} },
  "an array": { body: `[${EVENT},${EVENT}]` },
  NDJSON: { body: `${EVENT}\n${EVENT}\n`, headers: { "content-type": "application/x-ndjson" } },
  gzip: { body: gzipSync(EVENT), headers: { ...JSON_TYPE, "content-encoding": "gzip" } },
  brotli: { body: brotliCompressSync(EVENT), headers: { ...JSON_TYPE, "content-encoding": "br" } },
  "results for each event": { body: `[${EVENT},5]`, headers: { ...JSON_TYPE, prefer: "return=representation" } },
  "a CloudEvent in headers and body": {
    headers: {
      "ce-type": "order.placed",
      "ce-subject": "a%20%E2%82%AC",
      "ce-x": '"b c"',
      "content-type": "text/plain",
    },
    body: "€",
  },
  "a CloudEvent at the path of its own": {
    path: "/v1/cloudevents",
    headers: { "ce-type": "order.placed", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", ...JSON_TYPE },
    body: "[1.50]",
  },
  "a CloudEvent without its attributes": { path: "/v1/cloudevents", headers: { "ce-type": "a" }, body: "{}" },
  reports: {
    path: "/v1/reports",
    headers: { "content-type": "application/reports+json" },
    body: '[{"type":"crash","age":10,"body":{},"url":"https://shop.example/"}]',
  },
  "level received": { path: "/v1/events?ack=received", body: EVENT },
  "level durable": { path: "/v1/events?ack=durable", body: EVENT },
  "level delivered": { path: "/v1/events?ack=delivered", body: EVENT },
  "a check only": { path: "/v1/events?validate=only", body: EVENT },
  "a key in the query": { path: "/v1/events?key=wk_web", headers: { "x-no-key": "1" }, body: EVENT },
  "a listed origin": { headers: { ...ORIGIN, ...JSON_TYPE }, body: EVENT },
  "another origin": { headers: { origin: "https://evil.example", ...JSON_TYPE }, body: EVENT },
  "a preflight": { method: "OPTIONS", headers: PREFLIGHT },
  "a preflight of another origin": { method: "OPTIONS", headers: { ...PREFLIGHT, origin: "https://evil.example" } },
  "100-continue": { headers: { ...JSON_TYPE, expect: "100-continue" }, body: EVENT },
  "another expectation": { headers: { ...JSON_TYPE, expect: "200-ok" }, body: EVENT },
  "no key": { headers: { "x-no-key": "1" }, body: EVENT },
  "an unknown key": { headers: { "x-write-key": "nobody" }, body: EVENT },
  "keys that differ": { headers: { "x-write-key": "wk_web", authorization: "Bearer wk_strict" }, body: EVENT },
  "an unknown path": { path: "/v1/event", body: EVENT },
  "a broken path": { method: "GET", path: "/v1/receipts/%zz" },
  "a broken query": { path: "/v1/events?ack=%ff", body: EVENT },
  "an unknown level": { path: "/v1/events?ack=eventually", body: EVENT },
  "GET on events": { method: "GET" },
  "DELETE on a receipt": { method: "DELETE", path: "/v1/receipts/0-1" },
  "a method that is not served": { method: "PUT", body: EVENT },
  "no body": { body: "" },
  "white space": { body: " \n" },
  "broken JSON": { body: '{"type":' },
  "invalid UTF-8": { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) },
  "an event without type": { body: "{}" },
  "an event that is none": { body: "5" },
  "an event against its schema": { body: '{"type":"checkout.paid","data":{"total":"1"}}' },
  "an event of a source with rules": { headers: { ...JSON_TYPE, "x-write-key": "wk_strict" }, body: EVENT },
  "too many events": { body: `[${Array(4).fill(EVENT).join()}]` },
  "a form": { headers: { "content-type": "application/x-www-form-urlencoded" }, body: EVENT },
  "an unknown encoding": { headers: { ...JSON_TYPE, "content-encoding": "lzma" }, body: EVENT },
  "not gzip at all": { headers: { ...JSON_TYPE, "content-encoding": "gzip" }, body: EVENT },
  "a gzip bomb": { headers: { ...JSON_TYPE, "content-encoding": "gzip" }, body: gzipSync(Buffer.alloc(9_000)) },
  "a body that is too large": { body: "x".repeat(5_000) },
  "a body that is much too large": { body: "x".repeat(3_000_000) },
  "a refusal of a long body": { headers: { "x-write-key": "nobody" }, body: "x".repeat(300_000) },
  "headers that are too large": { headers: { ...JSON_TYPE, cookie: "c".repeat(4_000) }, body: EVENT },
  "a receipt": { method: "GET", path: "/v1/receipts/0-0" },
  "a malformed receipt": { method: "GET", path: "/v1/receipts/one" },
  "the schemas": { method: "GET", path: "/v1/schemas" },
  "a schema": { method: "GET", path: "/v1/schemas/checkout.paid" },
  "an unknown schema": { method: "GET", path: "/v1/schemas/none" },
  "the head of a schema": { method: "HEAD", path: "/v1/schemas/checkout.paid" },
  "the head of an error": { method: "HEAD", path: "/v1/schemas/none" },
  "whether it lives": { method: "GET", path: "/livez" },
  "whether it is ready": { method: "GET", path: "/readyz" },
};

let folder: Awaited<ReturnType<typeof certificateFolder>>;
let plain: TestServer;
let tls1: TestServer;
let tls2: TestServer;
beforeAll(async () => {
  folder = await certificateFolder();
  const options = {
    http: { maxRequestBytes: 4096, maxEventBytes: 2048, maxEventsPerRequest: 3, maxHeaderBytes: 2048 },
    web: { origins: ["https://shop.example"] },
    sources: [{ name: "strict", keys: ["wk_strict"], requireId: true, unknownTypes: "reject" }],
  };
  plain = await startTestServer(options);
  tls1 = await startTestServer({ ...options, tls: folder.config });
  tls2 = await startTestServer({ ...options, tls: folder.config });
});
afterAll(async () => {
  await Promise.all([plain, tls1, tls2].map((server) => server[Symbol.asyncDispose]()));
  await folder[Symbol.asyncDispose]();
});

function headersOf({ headers = JSON_TYPE, body = "" }: TestRequest): Record<string, string> {
  const { "x-no-key": noKey, ...rest } = headers;
  const key = noKey === undefined && rest["x-write-key"] === undefined ? { "x-write-key": "wk_web" } : {};
  return { ...key, ...rest, ...(body.length > 0 ? { "content-length": String(Buffer.byteLength(body)) } : {}) };
}

function http1Bytes(request: TestRequest): Buffer {
  const { method = "POST", path = "/v1/events", body = "" } = request;
  const lines = Object.entries(headersOf(request)).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines.join("")}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

function http1Answer(text: string): TestAnswer {
  const [head = "", ...body] = text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "").split("\r\n\r\n");
  const [start = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
    }),
  );
  return { status: Number(start.split(" ")[1]), headers, body: body.join("\r\n\r\n") };
}

async function overTls(port: number, request: TestRequest): Promise<TestAnswer> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  let text = "";
  socket.on("error", () => {}).on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.write(http1Bytes(request));
  await new Promise((resolve) => socket.once("close", resolve));
  return http1Answer(text);
}

async function overHttp2(port: number, request: TestRequest): Promise<TestAnswer> {
  const { method = "POST", path = "/v1/events", body = "" } = request;
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  const stream = session.request(
    { ":method": method, ":path": path, ...headersOf(request) },
    { endStream: body.length === 0 },
  );
  if (body.length > 0) stream.end(body);
  // The rest of a refused body is reset, after the answer.
  stream.on("error", () => {});
  const answered = once(stream, "response") as Promise<[Record<string, string>]>;
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  const [fields] = await answered;
  if (!stream.closed) await once(stream, "close");
  session.destroy();
  const { ":status": status, ...headers } = Object.fromEntries(Object.entries(fields));
  return { status: Number(status), headers, body: text };
}

/** Without what is about the connection or the time. */
function comparable({ status, headers, body }: TestAnswer): TestAnswer {
  const { date: _, connection: _connection, "keep-alive": _keepAlive, ...rest } = headers;
  return { status, headers: rest, body };
}

test.each(Object.entries(REQUESTS))("%s is answered alike over HTTP/1, TLS and HTTP/2", async (_name, request) => {
  const first = comparable(http1Answer(await plain.raw(http1Bytes(request), { waitMs: 10_000 })));
  expect(first.status).toBeGreaterThanOrEqual(200);
  expect(comparable(await overTls(tls1.port, request))).toEqual(first);
  expect(comparable(await overHttp2(tls2.port, request))).toEqual(first);
});

function stored(server: TestServer): object[] {
  return server.journal.events().map((event) => ({ ...event, id: 0, time: 0, receivedtime: 0 }));
}

test("what was stored is the same too", () => {
  expect(stored(plain).length).toBeGreaterThan(10);
  expect(stored(tls1)).toEqual(stored(plain));
  expect(stored(tls2)).toEqual(stored(plain));
});
