import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { AnswerBacklog } from "../answer-backlog.ts";
import { httpConfig } from "../config.ts";
import { startTestServer } from "../ingest-server-fixture.ts";
import { createIngestMetrics } from "../metrics.ts";
import { RefusalLog } from "../refusal-log.ts";
import { PlainConnections } from "./plain-connections.ts";

const EVENT = '{"type":"page.viewed","id":"1"}';
const HEAD = `POST /v1/events HTTP/1.1\r\nHost: a\r\nX-Write-Key: wk_web\r\nContent-Length: ${EVENT.length}\r\n\r\n`;

function answersIn(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? "");
}

test("requests that a client pipelines are served one after the other", async () => {
  await using server = await startTestServer();
  const gate = Promise.withResolvers<void>();
  server.journal.gate = gate.promise;
  const socket = await server.socket();
  let answers = "";
  socket.on("data", (chunk) => (answers += chunk.toString()));
  // Some 40 KB, which may come in one read.
  const requests = 300;
  socket.write((HEAD + EVENT).repeat(requests));
  await sleep(200);
  expect(server.journal.drafts).toHaveLength(1);
  gate.resolve();
  while (answersIn(answers).length < requests) await once(socket, "data");
  expect(new Set(answersIn(answers))).toEqual(new Set(["201"]));
});

test("a client that takes no answers is not read from any more", async () => {
  await using server = await startTestServer();
  const socket = await server.socket();
  socket.pause();
  // Answers of 180 bytes each, of which the kernel keeps some megabytes.
  const rounds = 150;
  for (let round = 0; round < rounds; round++) {
    socket.write((HEAD + EVENT).repeat(1_000));
    await sleep(5);
  }
  let stored = -1;
  while (stored < server.journal.drafts.length) {
    stored = server.journal.drafts.length;
    await sleep(300);
  }
  expect(stored).toBeLessThan(rounds * 1_000);
}, 30_000);

test("the body may come in parts, and what comes too slowly or is too large is served by node's server", async () => {
  await using server = await startTestServer({ http: { maxRequestBytes: 200_000, maxEventBytes: 200_000 } });
  const large = JSON.stringify({ type: "page.viewed", id: "2", data: "x".repeat(100_000) });
  for (const [body, pauseMs] of [
    [EVENT, 1],
    [EVENT, 1_500],
    [large, 1],
  ] as const) {
    const socket = await server.socket();
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.write(HEAD.replace(String(EVENT.length), String(body.length)));
    for (const part of [body.slice(0, 10), body.slice(10, 20), body.slice(20)]) {
      await sleep(pauseMs);
      socket.write(part);
    }
    await once(socket, "data");
    expect(answersIn(answer)).toEqual(["201"]);
    expect(server.journal.events().at(-1)).toMatchObject({ id: JSON.parse(body).id });
  }
}, 20_000);

test("what all connections keep of requests that have not come whole is bounded: the rest is node's", async () => {
  const metrics = createIngestMetrics(new Registry());
  const log = pino({ level: "silent" });
  const handedOver: Socket[] = [];
  const connections = new PlainConnections({
    http: httpConfig.parse({}),
    clock: systemClock,
    context: {
      metrics,
      backlog: new AnswerBacklog(metrics),
      log,
      refusals: new RefusalLog(log, systemClock),
      draining: false,
    },
    serve: () => expect.unreachable("no request is whole"),
    handOver: (socket) => handedOver.push(socket),
    keepAlive: "timeout=5",
  });
  const part = HEAD.replace(String(EVENT.length), "60000") + "x".repeat(50_000);
  const most = Math.floor((16 * 1024 ** 2) / part.length);
  const sockets = Array.from(
    { length: most + 10 },
    () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }),
  );
  for (const socket of sockets) {
    connections.take(socket as Socket);
    socket.push(part);
  }
  await sleep(0);
  expect(handedOver).toHaveLength(10);
  // What is gone makes room.
  sockets[0]?.destroy();
  await sleep(0);
  const later = new Duplex({ read() {} });
  connections.take(later as Socket);
  later.push(part);
  await sleep(0);
  expect(handedOver).toHaveLength(10);
  connections.stop();
});

test("a connection that is idle too long is closed: before its first request soon, after one later", async () => {
  await using server = await startTestServer({ http: { headersTimeoutMs: 300, idleTimeoutMs: 2_000 } });
  const silent = await server.socket();
  const used = await server.socket();
  used.write(HEAD + EVENT);
  await once(used, "data");
  const startedMs = performance.now();
  silent.resume();
  await once(silent, "close");
  expect(performance.now() - startedMs).toBeLessThan(1_500);
  expect(used.closed).toBe(false);
  used.resume();
  await once(used, "close");
  expect(performance.now() - startedMs).toBeGreaterThan(1_500);
}, 20_000);
