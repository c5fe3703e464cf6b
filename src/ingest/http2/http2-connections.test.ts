import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../ingest-server-fixture.ts";
import { certificateFolder } from "../tls/tls-fixture.ts";
import { FLAG, FRAME, frame, hpack, POST, RawHttp2Client } from "./raw-http2-client-fixture.ts";

const EVENT = '{"type":"page.viewed"}';
const HEADERS = {
  ":method": "POST",
  ":path": "/v1/events",
  "x-write-key": "wk_web",
  "content-type": "application/json",
};

async function start(options: Parameters<typeof startTestServer>[0] = {}) {
  const folder = await certificateFolder();
  const server = await startTestServer({ ...options, tls: folder.config });
  const session = connect(`https://127.0.0.1:${server.port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
  return {
    server,
    session,
    async [Symbol.asyncDispose]() {
      session.destroy();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function open(session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  return session.request({ ...HEADERS, ...headers }).on("error", () => {});
}

/** The status of the answer; `undefined` when there is none. */
async function statusOf(stream: ClientHttp2Stream): Promise<number | undefined> {
  let status: number | undefined;
  stream.on("response", (headers) => (status = headers[":status"])).resume();
  if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  return status;
}

function post(session: ClientHttp2Session, body: string | Buffer = EVENT, headers: OutgoingHttpHeaders = {}) {
  const stream = open(session, headers);
  stream.end(body);
  return statusOf(stream);
}

async function stored(server: TestServer, count: number): Promise<void> {
  while (server.journal.drafts.length < count) await sleep(1);
}

test("requests of one connection do not wait for each other", async () => {
  await using it = await start();
  const slow = open(it.session);
  slow.write(EVENT.slice(0, 5));
  const statuses = await Promise.all(Array.from({ length: 99 }, () => post(it.session)));
  expect(new Set(statuses)).toEqual(new Set([201]));
  slow.end(EVENT.slice(5));
  expect(await statusOf(slow)).toBe(201);
  expect(it.server.journal.drafts).toHaveLength(100);
});

test("bodies may be many windows long", async () => {
  await using it = await start();
  const event = `{"type":"page.viewed","data":"${"x".repeat(500_000)}"}`;
  expect(await post(it.session, `[${Array(20).fill(event).join()}]`)).toBe(201);
  expect(it.server.journal.drafts).toHaveLength(20);
});

test("bodies that nobody reads do not use up the connection's window", async () => {
  await using it = await start({ http: { maxRequestBytes: 4096, maxEventBytes: 1024 } });
  const body = Buffer.alloc(3_000_000, "x");
  for (let sent = 0; sent < 10; sent++) expect(await post(it.session, body)).toBe(413);
  expect(await post(it.session)).toBe(201);
});

test("a client that asks first is told to send only if it is admitted", async () => {
  await using it = await start();
  const told: string[] = [];
  const ask = async (key: string) => {
    const stream = open(it.session, { expect: "100-continue", "x-write-key": key });
    stream.on("continue", () => {
      told.push(key);
      stream.end(EVENT);
    });
    return statusOf(stream);
  };
  expect([await ask("nobody"), await ask("wk_web")]).toEqual([401, 201]);
  expect(told).toEqual(["wk_web"]);
});

test("once the body is complete its events are kept, though nobody is there to be told", async () => {
  await using it = await start();
  const gate = Promise.withResolvers<void>();
  it.server.journal.gate = gate.promise;
  const stream = open(it.session);
  stream.end(EVENT);
  await stored(it.server, 1);
  stream.close(constants.NGHTTP2_CANCEL);
  await sleep(20);
  gate.resolve();
  expect(await post(it.session)).toBe(201);
  expect(it.server.journal.drafts).toHaveLength(2);
});

test("a client that goes away in the middle of its body costs nothing", async () => {
  await using it = await start();
  open(it.session).write(EVENT.slice(0, 5));
  await sleep(50);
  it.session.destroy();
  await expect.poll(() => it.server.registry.metrics()).toContain("millrace_ingest_abandoned_requests_total 1");
  expect(await it.server.registry.metrics()).toContain("millrace_ingest_pending_bytes 0");
  expect(await it.server.registry.metrics()).toContain("millrace_ingest_broken_http2_connections_total 0");
  expect(it.server.journal.drafts).toEqual([]);
});

test("an idle connection is ended by GOAWAY, and a busy one is not", async () => {
  await using it = await start({ http: { idleTimeoutMs: 1_000, headersTimeoutMs: 200, ackTimeoutMs: 5_000 } });
  const gate = Promise.withResolvers<void>();
  it.server.journal.gate = gate.promise;
  const waiting = post(it.session);
  await stored(it.server, 1);
  await sleep(1_500);
  expect(it.session.closed).toBe(false);
  gate.resolve();
  expect(await waiting).toBe(201);
  const [code] = await once(it.session, "goaway");
  expect(code).toBe(constants.NGHTTP2_NO_ERROR);
});

test("while draining the answer that leaves no other due brings GOAWAY with it", async () => {
  await using it = await start();
  await post(it.session);
  const gate = Promise.withResolvers<void>();
  it.server.journal.gate = gate.promise;
  const slow = post(it.session);
  await stored(it.server, 2);
  it.server.server.beginDrain();
  const goaway = once(it.session, "goaway");
  const livez = open(it.session, { ":method": "GET", ":path": "/livez" });
  livez.end();
  expect(await statusOf(livez)).toBe(200);
  expect(it.session.closed).toBe(false);
  gate.resolve();
  expect(await slow).toBe(201);
  const [code, lastStream] = await goaway;
  expect([code, lastStream]).toEqual([constants.NGHTTP2_NO_ERROR, 5]);
});

test("a client that sends one request after another has none cut off by closing", async () => {
  await using it = await start();
  let answered = 0;
  const sending = (async () => {
    while (!it.session.closed) {
      expect(await post(it.session)).toBe(201);
      answered++;
      await sleep(5);
    }
  })();
  await stored(it.server, 10);
  await Promise.all([it.server.server.close(5_000), sending]);
  expect(it.server.journal.drafts).toHaveLength(answered);
});

test("closing serves idle connections for a while, then ends them", async () => {
  await using it = await start();
  await post(it.session);
  const ended = once(it.session, "close");
  const closed = it.server.server.close(2_000);
  await sleep(300);
  expect(it.session.closed).toBe(false);
  await Promise.all([closed, ended]);
});

test("a request that is not complete when time runs out is told to go elsewhere, and nothing of it is kept", async () => {
  await using it = await start();
  using client = await RawHttp2Client.connect(it.server.port);
  client.send(frame(FRAME.headers, FLAG.endHeaders, 1, hpack(POST)), frame(FRAME.data, 0, 1, EVENT));
  await sleep(50);
  await it.server.server.close(1_000);
  await client.closed();
  expect(client.of(1, FRAME.data)[0]?.payload.toString()).toContain('"code":"draining"');
  expect(it.server.journal.drafts).toEqual([]);
});

test("closing ends at its deadline whatever clients do", async () => {
  await using it = await start();
  using client = await RawHttp2Client.connect(it.server.port);
  client.socket.pause();
  client.send(frame(FRAME.headers, FLAG.endHeaders, 1, hpack(POST)));
  await sleep(50);
  const started = performance.now();
  await it.server.server.close(300);
  expect(performance.now() - started).toBeLessThan(4_000);
});
