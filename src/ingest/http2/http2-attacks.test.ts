import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { rawPost, startTestServer, type TestServer } from "../ingest-server-fixture.ts";
import { certificateFolder } from "../tls/tls-fixture.ts";
import { FLAG, FRAME, frame, GET, hpack, POST, RawHttp2Client, uint32 } from "./raw-http2-client-fixture.ts";

/** What clients of HTTP/2 do to servers. After each the collector must serve others as ever, and hold nothing. */

const TIMES = { headersTimeoutMs: 300, requestTimeoutMs: 600, idleTimeoutMs: 1_000, ackTimeoutMs: 200 };
const PROTOCOL_ERROR = 1;
const REFUSED_STREAM = 7;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;
const JSON_POST = [...POST, ["content-type", "application/json"]] as const;

let folder: Awaited<ReturnType<typeof certificateFolder>>;
let server: TestServer;
beforeAll(async () => {
  folder = await certificateFolder();
  server = await startTestServer({ tls: folder.config, http: { ...TIMES, maxHeaderBytes: 4096 } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
/** Others are served, and nothing is held any more. */
async function isWell(): Promise<void> {
  using other = await RawHttp2Client.connect(server.port);
  other.request(1, JSON_POST, '{"type":"page.viewed"}');
  await other.until(() => other.of(1, FRAME.headers).length > 0);
  expect(other.of(1, FRAME.rstStream)).toEqual([]);
  other.socket.destroy();
  await expect.poll(() => server.registry.metrics()).toMatch(/ingest_connections 0\n/);
  expect(await server.registry.metrics()).toContain("millrace_ingest_pending_bytes 0");
  server.registry.resetMetrics();
  server.journal.drafts.length = 0;
}
afterEach(isWell);

async function metric(name: string): Promise<number> {
  const line = (await server.registry.metrics()).split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

/** Streams that clients open are odd. */
const idOf = (index: number): number => 1 + 2 * index;

/** Sends what `framesOf` makes of each index from 0 on, until the server has had enough. */
async function flood(client: RawHttp2Client, count: number, framesOf: (index: number) => Buffer[]): Promise<void> {
  for (let index = 0; index < count && client.socket.writable; index += 100) {
    const frames = Array.from({ length: 100 }, (_, n) => framesOf(index + n)).flat();
    await new Promise((resolve) => client.socket.write(Buffer.concat(frames), resolve));
  }
}

const FLOODS: Readonly<Record<string, (index: number) => Buffer[]>> = {
  "requests that are reset at once (CVE-2023-44487)": (index) => [
    frame(FRAME.headers, FLAG.endHeaders, idOf(index), hpack(POST)),
    frame(FRAME.rstStream, 0, idOf(index), uint32(CANCEL)),
  ],
  "requests that the server is made to reset (CVE-2025-8671)": (index) => [
    frame(FRAME.headers, FLAG.endHeaders, idOf(index), hpack(POST)),
    frame(FRAME.windowUpdate, 0, idOf(index), uint32(0)),
  ],
  "fields of a header that never ends (CVE-2024-28182)": (index) =>
    index === 0 ? [frame(FRAME.headers, 0, 1, hpack(GET))] : [frame(FRAME.continuation, 0, 1, hpack([["x", "y"]]))],
  "empty parts of a body (CVE-2019-9518)": (index) => [
    ...(index === 0 ? [frame(FRAME.headers, FLAG.endHeaders, 1, hpack(JSON_POST))] : []),
    frame(FRAME.data, 0, 1),
  ],
  "priorities of streams that do not exist (CVE-2019-9513)": (index) => [frame(2, 0, idOf(index), Buffer.alloc(5))],
  "frames of a type that is not known": () => [frame(0x7a, 0, 0, Buffer.alloc(16))],
};

test.each(Object.entries(FLOODS))("a flood of %s ends its connection", async (_name, framesOf) => {
  using client = await RawHttp2Client.connect(server.port);
  await flood(client, 20_000, framesOf);
  await client.closed();
  expect(await metric("millrace_ingest_broken_http2_connections_total")).toBe(1);
});

test("a flood of requests over the limit of streams is refused, then ends its connection", async () => {
  using client = await RawHttp2Client.connect(server.port);
  await flood(client, 20_000, (index) => [frame(FRAME.headers, FLAG.endHeaders, idOf(index), hpack(POST))]);
  await client.closed();
  // The first hundred are waited for.
  expect(client.of(idOf(99), FRAME.rstStream)).toEqual([]);
  expect(client.of(idOf(100), FRAME.rstStream)[0]?.payload.readUInt32BE(0)).toBe(REFUSED_STREAM);
  expect(client.frames.filter(({ type }) => type === FRAME.rstStream).length).toBeLessThan(2_000);
});

test.each([
  ["SETTINGS (CVE-2019-9515)", frame(FRAME.settings, 0, 0)],
  ["PING (CVE-2019-9512)", frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
])("a client that sends %s and takes no answers is cut off before they pile up", async (_name, bytes) => {
  using client = await RawHttp2Client.connect(server.port);
  client.socket.pause();
  let sent = 0;
  const chunk = Buffer.concat(Array.from({ length: 1_000 }, () => bytes));
  const closed = client.closed();
  while (sent < 2_000_000 && client.socket.writable) {
    await Promise.race([new Promise((resolve) => client.socket.write(chunk, resolve)), closed]);
    sent += 1_000;
  }
  expect(sent).toBeLessThan(2_000_000);
  expect(await metric("millrace_ingest_broken_http2_connections_total")).toBe(1);
});

test("PINGs do not keep an idle connection open", async () => {
  using client = await RawHttp2Client.connect(server.port);
  client.request(1, GET);
  const pings = setInterval(() => client.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8))), 50);
  await client.closed();
  clearInterval(pings);
  expect(client.of(1, FRAME.headers)).toHaveLength(1);
  expect(client.goaway).toBe(0);
});

test.each([
  ["nothing at all", false, []],
  ["the preface and no request", true, []],
  ["a header that stops in the middle", true, [frame(FRAME.headers, 0, 1, hpack(GET))]],
])("a client that sends %s is closed after the time for headers", async (_name, preface, frames) => {
  using client = await RawHttp2Client.connect(server.port, preface);
  client.send(...frames);
  await client.closed();
  expect(client.frames.filter(({ type }) => type === FRAME.headers)).toEqual([]);
});

test("a body that comes too slowly is answered 408, and others of its connection are served meanwhile", async () => {
  using client = await RawHttp2Client.connect(server.port);
  client.send(frame(FRAME.headers, FLAG.endHeaders, 1, hpack(JSON_POST)));
  const drip = setInterval(() => client.send(frame(FRAME.data, 0, 1, "x")), 50);
  client.request(3, JSON_POST, '{"type":"page.viewed"}');
  await client.until(() => client.of(3, FRAME.headers).length > 0);
  expect(client.of(1, FRAME.headers)).toEqual([]);
  await client.until(() => client.of(1, FRAME.data).length > 0);
  clearInterval(drip);
  expect(client.of(1, FRAME.data)[0]?.payload.toString()).toContain("request_timeout");
});

test("a client that takes no answers is closed in the end", async () => {
  using client = await RawHttp2Client.connect(server.port);
  const noWindow = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  client.send(frame(FRAME.settings, 0, 0, noWindow));
  const openapi = [...GET.slice(0, 3), [":path", "/openapi.json"]] as const;
  for (let index = 0; index < 100; index++) client.request(idOf(index), openapi);
  await client.until(() => client.of(idOf(99), FRAME.headers).length > 0);
  expect(client.frames.filter(({ type }) => type === FRAME.data)).toEqual([]);
  await client.closed();
});

test("a header over the limit is answered 431", async () => {
  using client = await RawHttp2Client.connect(server.port);
  client.request(1, [...GET, ["cookie", "c".repeat(5_000)]]);
  await client.until(() => client.of(1, FRAME.data).length > 0);
  expect(client.of(1, FRAME.data)[0]?.payload.toString()).toContain("headers_too_large");
});

test("a header that is small when compressed and huge when not is refused", async () => {
  using client = await RawHttp2Client.connect(server.port);
  // A field of 4,000 bytes enters the table, and is then named 10,000 times with a byte each.
  const field = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4_000, "v")]);
  client.send(frame(FRAME.headers, 5, 1, Buffer.concat([hpack(GET), field, Buffer.alloc(10_000, 0xbe)])));
  await client.until(() => client.of(1, FRAME.rstStream).length > 0);
  expect(client.of(1, FRAME.rstStream)[0]?.payload.readUInt32BE(0)).toBe(ENHANCE_YOUR_CALM);
});

test("a body that is cut off by a reset is not taken, though the reset names no error", async () => {
  using client = await RawHttp2Client.connect(server.port);
  client.send(
    frame(FRAME.headers, FLAG.endHeaders, 1, hpack([...POST, ["content-type", "application/x-ndjson"]])),
    frame(FRAME.data, 0, 1, '{"type":"page.viewed"}\n'),
    frame(FRAME.rstStream, 0, 1, uint32(0)),
  );
  await expect.poll(() => metric("millrace_ingest_abandoned_requests_total")).toBe(1);
  expect(server.journal.drafts).toEqual([]);
});

const MALFORMED: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  "Transfer-Encoding": [...POST, ["transfer-encoding", "chunked"]],
  "a header of connections": [...POST, ["connection", "close"]],
  "capitals in a name": [...POST, ["X-Write-Key", "wk_web"]],
  "two paths": [...GET, [":path", "/x"]],
  "no path": GET.slice(0, 3),
  "two hosts": [...GET, ["host", "a"], ["host", "b"]],
  "no host": [...GET.slice(0, 2), ...GET.slice(3)],
  "two lengths": [...POST, ["content-length", "5"], ["content-length", "6"]],
  "a negative length": [...POST, ["content-length", "-5"]],
  "a space in the path": [...GET.slice(0, 3), [":path", "/v1 /events"]],
};

test.each(Object.entries(MALFORMED))("a request with %s is reset", async (_name, fields) => {
  using client = await RawHttp2Client.connect(server.port);
  client.request(1, fields);
  await client.until(() => client.of(1, FRAME.rstStream).length > 0);
  expect(client.of(1, FRAME.rstStream)[0]?.payload.readUInt32BE(0)).toBe(PROTOCOL_ERROR);
});

test.each([50, 5])("a body of another length than was announced (%i) is not taken", async (length) => {
  using client = await RawHttp2Client.connect(server.port);
  client.request(1, [...JSON_POST, ["content-length", String(length)]], '{"type":"page.viewed"}');
  await client.until(() => client.of(1, FRAME.rstStream).length > 0);
  expect(server.journal.drafts).toEqual([]);
});

test("line breaks in a header do not get into an event", async () => {
  using client = await RawHttp2Client.connect(server.port);
  client.request(1, [...JSON_POST, ["user-agent", "a\r\nb: c"]], '{"type":"page.viewed"}');
  await client.until(() => client.of(1, FRAME.headers).length > 0);
  expect(server.journal.events()).toHaveLength(1);
  expect(server.journal.events()[0]).not.toHaveProperty("useragent");
});

test("bytes that are no HTTP/2, and frames that are too large, end their connection", async () => {
  using garbage = await RawHttp2Client.connect(server.port, false);
  garbage.send(Buffer.from(rawPost("{}")));
  await garbage.closed();
  using large = await RawHttp2Client.connect(server.port);
  large.send(frame(FRAME.headers, FLAG.endHeaders, 1, hpack(POST)), frame(FRAME.data, 0, 1, Buffer.alloc(20_000)));
  await large.closed();
  expect(await metric("millrace_ingest_broken_http2_connections_total")).toBe(2);
});
