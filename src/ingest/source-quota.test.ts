import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { seededRandom } from "../core/seeded-random.ts";
import { clientNetwork } from "./client-ip.ts";
import { startTestServer, type TestServer } from "./ingest-server-fixture.ts";
import { SourceQuota } from "./source-quota.ts";

const LIMITS = { eventsPerSecond: 10, burst: 100, perClient: { eventsPerSecond: 1, burst: 5 } };
const [ONE, OTHER] = [clientNetwork("192.0.2.1"), clientNetwork("192.0.2.2")];

function post(server: TestServer, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/v1/events?key=wk_web`, {
    method: "POST",
    headers,
    body: new Uint8Array(Buffer.from(body)),
  });
}

test("each client has its own limit, and all together the source's", () => {
  const quota = new SourceQuota(LIMITS, 0, seededRandom(1));
  quota.charge(ONE, 6, 0);
  expect(quota.usedUp(ONE, 0)).toEqual({ of: "client", limits: LIMITS.perClient, waitMs: 2_000 });
  expect(quota.usedUp(OTHER, 0)).toBeUndefined();
  quota.charge(OTHER, 194, 0);
  expect(quota.usedUp(clientNetwork("192.0.2.3"), 0)).toMatchObject({ of: "source", waitMs: 10_100 });
  // Of two reasons to wait the longer one is told, so that waiting as told is enough.
  expect(quota.usedUp(ONE, 0)).toMatchObject({ of: "source", waitMs: 10_100 });
  expect(quota.usedUp(OTHER, 0)).toMatchObject({ of: "client", waitMs: 190_000 });
});

test("clients are told by address, behind proxies too, and the answer says which quota is used up", async () => {
  await using server = await startTestServer({ http: { trustedProxyHops: 1 }, web: { quota: LIMITS } });
  const from = (client: string) => post(server, '{"type":"page.viewed"}', { "X-Forwarded-For": client });
  const statuses = [];
  for (let n = 0; n < 7; n++) statuses.push((await from("6.6.6.6, 192.0.2.1")).status);
  // At the rate of one a second another one may have become free meanwhile.
  expect(statuses.slice(0, 5)).toEqual([201, 201, 201, 201, 201]);
  expect(statuses.at(-1)).toBe(429);
  const refused = await from("7.7.7.7, 192.0.2.1");
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    code: "client_quota_exceeded",
    detail:
      "One client address may send 1 events a second and 5 at once. Send the request again after Retry-After seconds.",
  });
  expect((await from("192.0.2.2")).status).toBe(201);
  expect(await server.registry.metrics()).toMatch(/refused_requests_total\{reason="client_quota_exceeded"\} [2-3]/);
});

test("without proxies the client is the peer, whatever it writes into X-Forwarded-For", async () => {
  await using server = await startTestServer({
    web: { quota: { ...LIMITS, perClient: { eventsPerSecond: 0.01, burst: 1 } } },
  });
  const from = (client: string) => post(server, '{"type":"page.viewed"}', { "X-Forwarded-For": client });
  for (const client of ["192.0.2.1", "192.0.2.2"]) expect((await from(client)).status).toBe(201);
  // A part of a token is enough to be admitted, on credit.
  expect((await from("192.0.2.3")).status).toBe(429);
});

test.each([
  ["is not JSON", "{", {}],
  ["is no event", "[]", {}],
  ["cannot be decompressed", "nonsense", { "Content-Encoding": "gzip" }],
  ["decompresses to too much", gzipSync(Buffer.alloc(100_000)), { "Content-Encoding": "gzip" }],
])("a body that %s pays for one event", async (_what, body, headers) => {
  await using server = await startTestServer({
    http: { maxRequestBytes: 50_000, maxEventBytes: 50_000 },
    web: { quota: { eventsPerSecond: 0.01, burst: 1 } },
  });
  const statuses = [];
  for (let n = 0; n < 3; n++) statuses.push((await post(server, body, headers)).status);
  expect(statuses.map((status) => status === 429)).toEqual([false, false, true]);
});

/** 2,000 events in a hundred bytes, on connections of one address that all were admitted before the first body came. */
async function flood(server: TestServer, ack: string, body: Buffer, connections = 20): Promise<string[]> {
  const head = `POST /v1/events?key=wk_web&ack=${ack} HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  const request = Buffer.concat([Buffer.from(head, "latin1"), body]);
  const sockets = await Promise.all(Array.from({ length: connections }, () => server.socket()));
  const answers = sockets.map(async (socket) => {
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    await once(socket, "close");
    return answer;
  });
  for (const socket of sockets) socket.write(request.subarray(0, -1));
  // Each holds its body by then, so it is past the first look at the quota.
  const held = `millrace_ingest_pending_bytes ${connections * (body.length - 1)}`;
  await expect.poll(() => server.registry.metrics()).toContain(held);
  for (const socket of sockets) socket.write(request.subarray(-1));
  return Promise.all(answers);
}

test.each(["received", "accepted"])(
  "connections that hold their last byte back get no more than the quota: ?ack=%s",
  async (ack) => {
    const perClient = { eventsPerSecond: 0.01, burst: 2_500 };
    await using server = await startTestServer({ web: { quota: { eventsPerSecond: 0.02, burst: 9_000, perClient } } });
    const body = gzipSync(JSON.stringify(Array.from({ length: 2_000 }, () => ({ type: "page.viewed" }))), { level: 9 });
    const answers = await flood(server, ack, body);
    // One from what there is, and one on credit.
    expect(answers.filter((answer) => answer.startsWith("HTTP/1.1 201"))).toHaveLength(2);
    expect(answers.filter((answer) => answer.includes('"client_quota_exceeded"'))).toHaveLength(18);
    await server.server.close(5_000);
    expect(server.journal.drafts).toHaveLength(4_000);
  },
);

test.each(["received", "accepted", "delivered"])(
  "a request with more events than its client may send at once is refused for good, and costs the source one: ?ack=%s",
  async (ack) => {
    await using server = await startTestServer({
      http: { trustedProxyHops: 1 },
      web: { quota: { eventsPerSecond: 0.01, burst: 4, perClient: { eventsPerSecond: 0.01, burst: 2.5 } } },
    });
    const send = async (client: string, events: number) => {
      const body = JSON.stringify(Array.from({ length: events }, () => ({ type: "page.viewed" })));
      const url = `${server.url}/v1/events?key=wk_web&ack=${ack}`;
      return fetch(url, { method: "POST", headers: { "X-Forwarded-For": client }, body });
    };
    const refused = await send("192.0.2.1", 3);
    expect([refused.status, await refused.json()]).toMatchObject([
      413,
      {
        code: "too_many_events",
        detail: expect.stringContaining("may send 2 events at once (quota.perClient.burst"),
      },
    ]);
    expect((await send("192.0.2.2", 2)).status).toBe(201);
    await expect.poll(() => server.journal.drafts.length).toBe(2);
    expect(server.quarantine.entries).toEqual([]);
  },
);

test("bodies that cannot be read are owed by their client alone, once it has nothing left", async () => {
  const quota = new SourceQuota(LIMITS, 0, seededRandom(1));
  for (let bodies = 0; bodies < 1_000; bodies++) quota.chargeRefused(ONE, 0);
  expect(quota.usedUp(ONE, 0)).toMatchObject({ of: "client", waitMs: 996_000 });
  expect(quota.usedUp(OTHER, 0)).toBeUndefined();
});
