import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { connect, Socket } from "node:net";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { AnswerBacklog, EXCHANGE_BYTES, PIPELINE_BYTES } from "./answer-backlog.ts";
import { rawPost, startTestServer } from "./ingest-server-fixture.ts";
import { createIngestMetrics } from "./metrics.ts";

const GET = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";

test("a connection is closed over its pipelined requests, and the rest of them is not even parsed", async () => {
  const registry = new Registry();
  const backlog = new AnswerBacklog(createIngestMetrics(registry));
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    if (response.socket === null) backlog.charge(request.socket, response, EXCHANGE_BYTES, PIPELINE_BYTES);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it listens on a port");
  const client = connect(address.port, "127.0.0.1").on("error", () => {});
  client.write(GET.repeat(1_500));
  await once(client, "close");
  server.close();
  expect(requests).toBe(258);
  expect(await registry.metrics()).toContain("millrace_ingest_overrun_connections_total 1");
});

test("past the limit of all connections the one that holds most is closed, not the one that comes last", () => {
  const backlog = new AnswerBacklog(createIngestMetrics(new Registry()));
  const sockets = [60, 67, 1, 60, 1].map((mebibytes) => {
    const socket = new Socket();
    backlog.charge(socket, new EventEmitter(), mebibytes * 1024 ** 2, Number.POSITIVE_INFINITY);
    return socket;
  });
  expect(sockets.map((socket) => socket.destroyed)).toEqual([false, true, false, false, false]);
});

test("an answer that was taken counts no longer", () => {
  const backlog = new AnswerBacklog(createIngestMetrics(new Registry()));
  const socket = new Socket();
  for (let answers = 0; answers < 1_000; answers++) {
    const answer = new EventEmitter();
    backlog.charge(socket, answer, PIPELINE_BYTES, PIPELINE_BYTES);
    answer.emit("close");
  }
  expect(socket.destroyed).toBe(false);
});

test("long answers that are not taken close their connection sooner", async () => {
  await using server = await startTestServer();
  const answers = await server.raw(GET.repeat(100));
  expect(answers.length).toBeLessThan(2_000_000);
  expect(await server.registry.metrics()).toContain("millrace_ingest_overrun_connections_total 1");
});

test("large headers of pipelined requests count as what they take", async () => {
  await using server = await startTestServer({ http: { plainRequests: false } });
  const gate = Promise.withResolvers<"delivered">();
  server.deliveries.whenSettled = () => gate.promise;
  const slow = rawPost('{"type":"page.viewed"}', [], "/v1/events?ack=delivered").replace("Connection: close\r\n", "");
  const large = `GET /livez HTTP/1.1\r\nHost: a\r\nX-Large: ${"x".repeat(15_000)}\r\n\r\n`;
  const overruns = () => server.registry.getSingleMetric("millrace_ingest_overrun_connections_total")?.get();
  await server.raw(slow + large.repeat(100));
  expect(await overruns()).toMatchObject({ values: [{ value: 1 }] });
  // Some tens are no flood, whatever their headers.
  await server.raw(slow + large.repeat(40), { waitMs: 500 });
  expect(await overruns()).toMatchObject({ values: [{ value: 1 }] });
  gate.resolve("delivered");
});

test("a client that pipelines and reads its answers is served for as long as it likes", async () => {
  await using server = await startTestServer();
  const socket = await server.socket();
  let answers = "";
  socket.on("data", (chunk) => (answers += chunk.toString()));
  for (let sent = 100; sent <= 1_000; sent += 100) {
    socket.write("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    while (answers.split("HTTP/1.1 200").length <= sent) await once(socket, "data");
  }
  expect(await server.raw(rawPost('{"type":"page.viewed"}'))).toContain("201 Created");
  expect(await server.registry.metrics()).toContain("millrace_ingest_overrun_connections_total 0");
});
