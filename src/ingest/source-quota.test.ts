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
