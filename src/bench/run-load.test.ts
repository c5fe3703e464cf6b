import type { RequestListener } from "node:http";
import { expect, test } from "vitest";
import { serve } from "./http-server-fixture.ts";
import { requestBytes } from "./request-bytes.ts";
import { runLoad } from "./run-load.ts";

async function endpoint(listener: RequestListener): Promise<URL> {
  return new URL("/v1/events", await serve(listener));
}

function requestTo(url: URL): () => Buffer {
  const request = requestBytes({ url, key: "k", contentType: "application/json" }, "{}");
  return () => request;
}

test("a load of so many requests sends exactly those, and counts the answers by status", async () => {
  let arrived = 0;
  const url = await endpoint((request, response) => {
    const status = ++arrived % 10 === 0 ? 429 : 201;
    request.resume().on("end", () => response.writeHead(status).end());
  });
  const load = await runLoad({ url, connections: 4, nextRequest: requestTo(url), requests: 100, seconds: 20 });
  expect(arrived).toBe(100);
  expect(load).toMatchObject({ answered: 100, taken: 90, statuses: { 201: 90, 429: 10 }, failures: {}, unsent: 0 });
  expect(load.firstRefusal?.status).toBe(429);
});

test("with a rate, a pause of the server shows in every request that was due in it", async () => {
  const PAUSE_MS = 400;
  let arrived = 0;
  const url = await endpoint((request, response) => {
    const delayMs = ++arrived === 10 ? PAUSE_MS : 0;
    request.resume().on("end", () => setTimeout(() => response.writeHead(201).end(), delayMs));
  });
  const load = await runLoad({
    url,
    connections: 1,
    nextRequest: requestTo(url),
    requestsPerSecond: 200,
    requests: 100,
    seconds: 20,
  });
  // One connection, so that all 80 that are due in the pause wait for it: on average for half of it.
  expect(load.answered).toBe(100);
  expect(load.latencies.p50Ms).toBeGreaterThan(PAUSE_MS / 4);
  expect(load.latencies.maxMs).toBeGreaterThanOrEqual(PAUSE_MS - 5);
});

test("connections that the server closes are opened again, and lost requests are counted", async () => {
  let arrived = 0;
  const url = await endpoint((request, response) => {
    const number = ++arrived;
    request.resume().on("end", () => {
      if (number % 5 === 0) request.socket.destroy();
      else response.writeHead(201, number % 3 === 0 ? { connection: "close" } : {}).end();
    });
  });
  const load = await runLoad({ url, connections: 2, nextRequest: requestTo(url), requests: 20, seconds: 20 });
  expect(load.answered).toBe(16);
  expect(Object.values(load.failures).reduce((sum, times) => sum + times, 0)).toBe(4);
});

test("a load ends when it is told to, also where nobody listens", async () => {
  const url = await endpoint(() => {});
  url.port = "1";
  const load = await runLoad({ url, connections: 2, nextRequest: requestTo(url), requestsPerSecond: 10, seconds: 0.2 });
  expect(load.answered).toBe(0);
  expect(load.failures["connection refused"]).toBeGreaterThan(0);
});
