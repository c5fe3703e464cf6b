import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { rawPost, startTestServer } from "./ingest-server-fixture.ts";

const EVENT = '{"type":"page.viewed"}';
const HEAD = `POST /v1/events HTTP/1.1\r\nHost: a\r\nX-Write-Key: wk_web\r\n`;
/** A request that leaves its connection open. */
const KEPT = `${HEAD}Content-Length: ${EVENT.length}\r\n\r\n${EVENT}`;

function statuses(answers: string): string[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? "");
}

test("pipelined requests are answered in order, and what is broken after them comes last", async () => {
  await using server = await startTestServer();
  const unknown = KEPT.replace("wk_web", "nobody");
  const answers = await server.raw(`${KEPT}${unknown}${KEPT}garbage\r\n\r\n`);
  expect(statuses(answers)).toEqual(["201", "401", "201", "400"]);
  expect(answers).toMatch(/Millrace-Receipt: 0-0[^]*Millrace-Receipt: 0-1/);
});

test("garbage behind a request does not overtake the promise about its events", async () => {
  await using server = await startTestServer();
  const gate = Promise.withResolvers<void>();
  server.journal.gate = gate.promise;
  const answers = server.raw(`${KEPT}garbage\r\n\r\n`);
  while (server.journal.drafts.length === 0) await sleep(1);
  await sleep(20);
  gate.resolve();
  expect(statuses(await answers)).toEqual(["201", "400"]);
});

test("a reset after CONNECT costs its own connection only", async () => {
  await using server = await startTestServer();
  const socket = await server.socket();
  socket.write("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(socket, "data");
  socket.resetAndDestroy();
  await sleep(50);
  expect(statuses(await server.raw(rawPost(EVENT)))).toEqual(["201"]);
});

test.each(["identity", "gzip", "chunked"])(
  "a refusal is read although the body behind it is broken (Transfer-Encoding: %s)",
  async (coding) => {
    await using server = await startTestServer();
    const head = `POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\n\r\n`;
    const answer = await server.raw(`${head}ZZ\r\n`, { waitMs: 500 });
    expect(statuses(answer)).toEqual([coding === "chunked" ? "401" : "400"]);
  },
);

test("a client that ends its half of the connection after its request is answered", async () => {
  await using server = await startTestServer();
  expect(statuses(await server.raw(KEPT, { end: true }))).toEqual(["201"]);
});

test("a client that ends its half in the middle of its body is told that nothing was kept", async () => {
  await using server = await startTestServer();
  const answer = await server.raw(`${HEAD}Content-Length: 500\r\n\r\n${EVENT}`, { end: true });
  expect(statuses(answer)).toEqual(["400"]);
  expect(answer).toContain("body_incomplete");
  expect(server.journal.drafts).toEqual([]);
});

test("a client that goes away in the middle of its body costs nothing", async () => {
  await using server = await startTestServer();
  const socket = await server.socket();
  socket.write(`${HEAD}Content-Length: 500\r\n\r\n${EVENT}`);
  await sleep(50);
  socket.resetAndDestroy();
  await sleep(50);
  expect(server.journal.drafts).toEqual([]);
  const metrics = await server.registry.metrics();
  expect(metrics).toContain("millrace_ingest_abandoned_requests_total 1");
  expect(metrics).toContain("millrace_ingest_connections 0");
  expect(metrics).toContain("millrace_ingest_pending_bytes 0");
});

test("once the body is complete its events are kept, though nobody is there to be told", async () => {
  await using server = await startTestServer();
  const gate = Promise.withResolvers<void>();
  server.journal.gate = gate.promise;
  const socket = await server.socket();
  socket.write(KEPT);
  while (server.journal.drafts.length === 0) await sleep(1);
  socket.resetAndDestroy();
  await sleep(20);
  gate.resolve();
  await server.server.close(5_000);
  expect(server.journal.drafts).toHaveLength(1);
});

test("a connection serves many requests", async () => {
  await using server = await startTestServer();
  const socket = await server.socket();
  let answers = "";
  socket.on("data", (chunk) => (answers += chunk.toString()));
  for (let sent = 1; sent <= 20; sent++) {
    socket.write(KEPT);
    while (statuses(answers).length < sent) await once(socket, "data");
  }
  expect(new Set(statuses(answers))).toEqual(new Set(["201"]));
});

test("a small refused body is read to its end and the connection goes on", async () => {
  await using server = await startTestServer();
  const refused = `${HEAD.replace("wk_web", "nobody")}Content-Length: 5000\r\n\r\n${"x".repeat(5000)}`;
  const last = rawPost(EVENT);
  expect(statuses(await server.raw(refused + last))).toEqual(["401", "201"]);
});

test("a client that sends a huge body nobody wants still reads why", async () => {
  await using server = await startTestServer({ http: { maxRequestBytes: 4096, maxEventBytes: 1024 } });
  const body = Buffer.alloc(3_000_000, "x");
  const head = Buffer.from(`${HEAD}Content-Length: ${body.length}\r\n\r\n`);
  const answer = await server.raw(Buffer.concat([head, body]), { waitMs: 5_000 });
  expect(statuses(answer)).toEqual(["413"]);
  expect(answer).toContain("Connection: close");
});

test("a request whose header or body does not arrive in time is answered 408", async () => {
  await using server = await startTestServer({ http: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
  const [header, body, second] = await Promise.all([
    server.raw("POST /v1/events HTTP/1.1\r\nHost:", { waitMs: 5_000 }),
    server.raw(`${HEAD}Content-Length: 500\r\n\r\n{`, { waitMs: 5_000 }),
    server.raw(`${KEPT}POST /v1`, { waitMs: 5_000 }),
  ]);
  expect([statuses(header), statuses(body), statuses(second)]).toEqual([["408"], ["408"], ["201", "408"]]);
  expect(header).toContain("request_timeout");
});

test("bytes that go on being broken behind a request that waits are answered once, and nothing piles up", async () => {
  await using server = await startTestServer();
  const gate = Promise.withResolvers<"delivered">();
  server.deliveries.whenSettled = () => gate.promise;
  const warnings: string[] = [];
  const warned = ({ name }: Error) => void warnings.push(name);
  process.on("warning", warned);
  const socket = await server.socket();
  let answers = "";
  socket.on("data", (chunk) => (answers += chunk.toString()));
  socket.write(KEPT.replace("/v1/events", "/v1/events?ack=delivered"));
  for (let chunks = 0; chunks < 20; chunks++) {
    socket.write("broken\r\n");
    await sleep(5);
  }
  gate.resolve("delivered");
  await once(socket, "close");
  process.off("warning", warned);
  expect(statuses(answers)).toEqual(["201", "400"]);
  expect(warnings).toEqual([]);
});

test.each([
  ["breaks", "Transfer-Encoding: chunked\r\n\r\n3\r\n{..XX"],
  ["comes too slowly", "Content-Length: 500\r\n\r\n{"],
])("a body that %s in the middle is answered, and nothing of it is held afterwards", async (_what, rest) => {
  await using server = await startTestServer({ http: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
  expect(statuses(await server.raw(`${HEAD}${rest}`, { waitMs: 5_000 }))).toEqual([rest.includes("X") ? "400" : "408"]);
  await expect.poll(() => server.registry.metrics()).toContain("millrace_ingest_pending_bytes 0");
  const started = performance.now();
  await server.server.close(5_000);
  // Nor is anything waited for.
  expect(performance.now() - started).toBeLessThan(2_500);
});

test("a connection on which nothing was ever sent is closed without a word", async () => {
  await using server = await startTestServer({ http: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
  expect(await server.raw("", { waitMs: 5_000 })).toBe("");
});

test("connections over the limit are closed, and counted", async () => {
  await using server = await startTestServer({ http: { maxConnections: 2 } });
  await Promise.all([server.socket(), server.socket()]);
  expect(await server.raw(KEPT, { waitMs: 5_000 })).toBe("");
  expect(await server.registry.metrics()).toContain("millrace_ingest_dropped_connections_total 1");
});

test("a client that asks first is told to send only if it is admitted", async () => {
  await using server = await startTestServer();
  const asking = `${HEAD}Content-Length: ${EVENT.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  expect(statuses(await server.raw(asking.replace("wk_web", "nobody")))).toEqual(["401"]);
  const socket = await server.socket();
  let answers = "";
  socket.on("data", (chunk) => (answers += chunk.toString()));
  socket.write(asking);
  await once(socket, "data");
  expect(statuses(answers)).toEqual(["100"]);
  socket.write(EVENT);
  await once(socket, "close");
  expect(statuses(answers)).toEqual(["100", "201"]);
});

test("a client that asks first is not told to send what would be refused anyway", async () => {
  await using server = await startTestServer();
  const ask = (headers: string) => server.raw(`${HEAD}${headers}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`);
  expect(statuses(await ask("Content-Length: 30000000"))).toEqual(["413"]);
  expect(statuses(await ask("Content-Length: 5\r\nContent-Type: text/html"))).toEqual(["415"]);
});

test("an offer to upgrade is ignored, as HTTP allows, so that clients that always offer h2c are served", async () => {
  await using server = await startTestServer();
  const offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"];
  expect(statuses(await server.raw(rawPost(EVENT, offer)))).toEqual(["201"]);
});

test("HTTP/1.0 is served", async () => {
  await using server = await startTestServer();
  const request = `POST /v1/events?key=wk_web HTTP/1.0\r\nContent-Length: ${EVENT.length}\r\n\r\n${EVENT}`;
  expect(statuses(await server.raw(request))).toEqual(["201"]);
});

test("answers carry no name of a server", async () => {
  await using server = await startTestServer();
  expect(await server.raw(rawPost(EVENT))).not.toMatch(/^(server|x-powered-by):/im);
});

test("while draining requests are served, and each answer closes its connection", async () => {
  await using server = await startTestServer();
  server.server.beginDrain();
  const answer = await server.raw(KEPT, { waitMs: 5_000 });
  expect(answer).toMatch(/^HTTP\/1\.1 201 [^]*Connection: close/);
});

test("closing serves open connections on for a while, and each answer ends its connection", async () => {
  await using server = await startTestServer();
  const [used, idle, silent, busy] = await Promise.all([
    server.socket(),
    server.socket(),
    server.socket(),
    server.socket(),
  ]);
  let answers = "";
  let answered = "";
  used.on("data", (chunk) => (answers += chunk.toString()));
  busy.on("data", (chunk) => (answered += chunk.toString()));
  used.write(KEPT);
  idle.write(KEPT);
  await Promise.all([once(used, "data"), once(idle.resume(), "data")]);
  busy.write(`${HEAD}Content-Length: ${EVENT.length}\r\n\r\n`);
  await sleep(50);
  const ended: string[] = [];
  const closed = server.server.close(2_000).then(() => ended.push("closed"));
  for (const [name, socket] of Object.entries({ used, idle, silent, busy })) {
    socket.once("close", () => ended.push(name));
  }
  await sleep(300);
  expect(ended).toEqual([]);
  await expect(fetch(`${server.url}/livez`)).rejects.toThrow("fetch failed");
  used.write(KEPT);
  await once(used, "close");
  expect(statuses(answers)).toEqual(["201", "201"]);
  expect(answers).toMatch(/Connection: close/);
  await Promise.all([once(idle, "close"), once(silent, "close")]);
  expect(ended).not.toContain("closed");
  busy.write(EVENT);
  await Promise.all([closed, once(busy, "close")]);
  expect(statuses(answered)).toEqual(["201"]);
});

test("what is not complete when time runs out is told to go elsewhere, and nothing of it is kept", async () => {
  await using server = await startTestServer({ web: { origins: ["https://shop.example"] } });
  const [late, header] = await Promise.all([server.socket(), server.socket()]);
  let refused = "";
  let unread = "";
  late.on("data", (chunk) => (refused += chunk.toString()));
  header.on("data", (chunk) => (unread += chunk.toString()));
  late.write(`${HEAD}Origin: https://shop.example\r\nContent-Length: ${EVENT.length}\r\n\r\n`);
  header.write("POST /v1/events");
  await sleep(50);
  const closed = server.server.close(1_000);
  await Promise.all([once(late, "data"), once(header, "data")]);
  late.write(EVENT);
  await closed;
  expect([statuses(refused), statuses(unread)]).toEqual([["503"], ["503"]]);
  expect(refused).toMatch(/Retry-After: 1[^]*"code":"draining"/);
  // A page must be able to read that it should try again.
  expect(refused).toContain("Access-Control-Allow-Origin: https://shop.example");
  expect(server.journal.drafts).toEqual([]);
});

test("a client that sends one request after another has none cut off by closing", async () => {
  await using server = await startTestServer();
  const socket = await server.socket();
  let answers = "";
  let sent = 0;
  socket.on("data", (chunk) => (answers += chunk.toString()));
  const sending = (async () => {
    while (!answers.includes("Connection: close")) {
      socket.write(KEPT);
      sent++;
      await once(socket, "data");
      await sleep(2);
    }
  })();
  while (statuses(answers).length < 10) await sleep(1);
  await Promise.all([server.server.close(5_000), sending]);
  expect(statuses(answers)).toHaveLength(sent);
  expect(server.journal.drafts).toHaveLength(sent);
});

test("closing ends at its deadline whatever clients do", async () => {
  await using server = await startTestServer();
  const stuck = await server.socket();
  stuck.write(`${HEAD}Content-Length: 500\r\n\r\n{`);
  await sleep(50);
  const started = performance.now();
  await server.server.close(200);
  expect(performance.now() - started).toBeLessThan(4_000);
});

test("a port that is taken is told with its address", async () => {
  await using server = await startTestServer();
  await expect(startTestServer({ port: server.port })).rejects.toMatchObject({ code: "port_unavailable" });
});
