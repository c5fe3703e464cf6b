import { once } from "node:events";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import type { HttpConfig, TlsConfig } from "../config.ts";
import { rawPost, startTestServer, type TestServer } from "../ingest-server-fixture.ts";
import { certificateFolder } from "./tls-fixture.ts";

const EVENT = '{"type":"page.viewed"}';

async function start({ tls, http }: { tls?: Partial<TlsConfig>; http?: Partial<HttpConfig> } = {}) {
  const folder = await certificateFolder();
  const server = await startTestServer({ ...(http && { http }), tls: { ...folder.config, ...tls } });
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function open(server: TestServer, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  return socket.on("error", () => {});
}

/** Sends bytes inside TLS, and collects the answer until the connection ends. */
async function send(server: TestServer, bytes: string, options: ConnectionOptions & { end?: boolean } = {}) {
  const socket = await open(server, options);
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  if (options.end === true) socket.end(bytes);
  else socket.write(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
  return answer;
}

test("a client that offers no protocol is served HTTP/1.1", async () => {
  await using it = await start();
  expect(await send(it.server, rawPost(EVENT))).toContain("201 Created");
});

test.each([
  [true, ["h2", "http/1.1"], "h2"],
  [true, ["http/1.1", "h2"], "h2"],
  [true, ["http/1.1"], "http/1.1"],
  [false, ["h2", "http/1.1"], "http/1.1"],
])("with http2 %s a client that offers %j speaks %s", async (http2, offered, spoken) => {
  await using it = await start({ tls: { http2 } });
  const socket = await open(it.server, { ALPNProtocols: offered });
  expect(socket.alpnProtocol).toBe(spoken);
  socket.destroy();
});

test("versions below minVersion are refused, and counted", async () => {
  await using it = await start({ tls: { minVersion: "TLSv1.3" } });
  await expect(open(it.server, { maxVersion: "TLSv1.2" })).rejects.toThrow("protocol version");
  (await open(it.server, { minVersion: "TLSv1.3" })).destroy();
  await expect
    .poll(() => it.server.registry.metrics())
    .toContain('millrace_tls_failed_handshakes_total{reason="refused"} 1');
});

test("a plain HTTP request is told to use https", async () => {
  await using it = await start();
  const answer = await it.server.raw(rawPost(EVENT));
  expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"code":"request_malformed"[^]*https:\/\//);
  const metrics = await it.server.registry.metrics();
  expect(metrics).toContain('millrace_tls_failed_handshakes_total{reason="plain_http"} 1');
  expect(metrics).toContain('millrace_ingest_refused_requests_total{reason="request_malformed"} 1');
});

test("bytes that are neither TLS nor HTTP end their connection", async () => {
  await using it = await start();
  await it.server.raw("hello, is this thing on?\r\n\r\n");
  await expect
    .poll(() => it.server.registry.metrics())
    .toContain('millrace_tls_failed_handshakes_total{reason="refused"} 1');
});

test("a client that does not finish the handshake is cut off, and its connection counts meanwhile", async () => {
  await using it = await start({ http: { headersTimeoutMs: 300, maxConnections: 1 } });
  const silent = await it.server.socket();
  await expect.poll(() => it.server.registry.metrics()).toContain("millrace_ingest_connections 1");
  expect(await it.server.raw(rawPost(EVENT))).toBe("");
  const metrics = await it.server.registry.metrics();
  expect(metrics).toContain("millrace_ingest_dropped_connections_total 1");
  await once(silent.resume(), "close");
  expect(await send(it.server, rawPost(EVENT))).toContain("201 Created");
  expect(await it.server.registry.metrics()).toContain('millrace_tls_failed_handshakes_total{reason="timeout"} 1');
});

test("a client that goes away in the handshake costs nothing", async () => {
  await using it = await start();
  const socket = await it.server.socket();
  socket.destroy();
  await expect
    .poll(() => it.server.registry.metrics())
    .toContain('millrace_tls_failed_handshakes_total{reason="gone"} 1');
  expect(await it.server.registry.metrics()).toContain("millrace_ingest_connections 0");
});

test("after the handshake the time for headers is the same as without TLS", async () => {
  await using it = await start({ http: { headersTimeoutMs: 300, requestTimeoutMs: 500 } });
  expect(await send(it.server, "")).toBe("");
  expect(await send(it.server, "POST /v1/events HTTP/1.1\r\nHost:")).toContain("408 Request Timeout");
});

test("a client that ends its half of the connection after its request is answered", async () => {
  await using it = await start();
  const keptOpen = rawPost(EVENT).replace("Connection: close\r\n", "");
  expect(await send(it.server, keptOpen, { end: true })).toContain("201 Created");
});

test("a client of TLS 1.2 may not ask for a new handshake", async () => {
  await using it = await start();
  const socket = await open(it.server, { maxVersion: "TLSv1.2" });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const outcome = await new Promise<string>((resolve) => {
    socket.renegotiate({}, (error) => resolve(error === null ? "renegotiated" : "refused"));
    void closed.then(() => resolve("refused"));
  });
  expect(outcome).toBe("refused");
  socket.destroy();
});

test("closing does not wait for handshakes that nobody finishes", async () => {
  await using it = await start();
  const silent = await it.server.socket();
  const closed = new Promise((resolve) => silent.once("close", resolve));
  const started = performance.now();
  await it.server.server.close(8_000);
  await closed;
  expect(performance.now() - started).toBeLessThan(4_000);
});
