import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "./ingest-server-fixture.ts";

const GOOD = { type: "checkout.paid", id: "e-1", data: { total: 5 } };
const BAD = { type: "checkout.paid", id: "e-2", data: { total: "5" } };

function post(server: TestServer, body: unknown, path = "", headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/v1/events${path}`, {
    method: "POST",
    headers: { "X-Write-Key": "wk_web", "Content-Type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

async function told(reply: Response): Promise<{ status: number; body: unknown }> {
  return { status: reply.status, body: await reply.json() };
}

const REPRESENTATION = { Prefer: "return=representation" };

test("a valid event is journaled with what the collector adds, and answered 201 without a body", async () => {
  await using server = await startTestServer();
  const reply = await post(server, GOOD, "", { "User-Agent": "agent/1" });
  expect([reply.status, await reply.text(), reply.headers.get("millrace-receipt")]).toEqual([201, "", "0-0"]);
  expect(server.journal.events()).toEqual([
    {
      specversion: "1.0",
      source: "web",
      ...GOOD,
      time: expect.any(String),
      receivedtime: expect.any(String),
      clientip: "127.0.0.0",
      useragent: "agent/1",
      collector: "node-1/0-0",
    },
  ]);
});

test("a user agent is cut, since every event of a request repeats it", async () => {
  await using server = await startTestServer();
  await post(server, GOOD, "", { "User-Agent": "x".repeat(5_000) });
  expect(server.journal.events()[0]?.["useragent"]).toHaveLength(512);
});

test("a batch keeps its order and gets consecutive positions, compressed or not", async () => {
  await using server = await startTestServer();
  const batch = JSON.stringify(Array.from({ length: 50 }, (_, n) => ({ type: "page.viewed", id: `e-${n}` })));
  for (const [encoding, body] of [
    ["gzip", gzipSync(batch)],
    ["zstd", zstdCompressSync(batch)],
  ] as const) {
    expect((await post(server, body, "", { "Content-Encoding": encoding })).status).toBe(201);
  }
  const ids = Array.from({ length: 100 }, (_, n) => [`e-${n % 50}`, `node-1/0-${n}`]);
  expect(server.journal.events().map((event) => [event["id"], event["collector"]])).toEqual(ids);
});

test("return=representation tells the id and receipt of each event", async () => {
  await using server = await startTestServer();
  const reply = await post(server, [GOOD, { type: "page.viewed" }], "", REPRESENTATION);
  expect([reply.status, reply.headers.get("preference-applied")]).toEqual([201, "return=representation"]);
  expect(await reply.json()).toEqual({
    receipt: "0-1",
    accepted: 2,
    rejected: 0,
    results: [
      { index: 0, id: "e-1", status: "accepted", receipt: "0-0" },
      { index: 1, id: server.journal.drafts[1]?.id, status: "accepted", receipt: "0-1" },
    ],
  });
});

test("of a mixed request the valid events are stored, the invalid are quarantined, and 207 tells which is which", async () => {
  await using server = await startTestServer();
  const reply = await post(server, [BAD, GOOD, 5]);
  expect(reply.status).toBe(207);
  expect(await reply.json()).toMatchObject({
    receipt: "0-0",
    accepted: 1,
    rejected: 2,
    results: [
      {
        index: 0,
        id: "e-2",
        status: "rejected",
        code: "type",
        pointer: "/data/total",
        message: '"total" must be a number.',
        schema: "/v1/schemas/checkout.paid",
        problems: [{ code: "type", pointer: "/data/total" }],
      },
      { index: 1, id: "e-1", status: "accepted", receipt: "0-0" },
      { index: 2, status: "rejected", code: "type", pointer: "" },
    ],
  });
  expect(server.quarantine.entries).toMatchObject([
    { source: "web", code: "type", event: Buffer.from(JSON.stringify(BAD)), reasons: [{ pointer: "/data/total" }] },
    { source: "web", code: "type", event: Buffer.from("5") },
  ]);
  expect(server.quarantined).toEqual(new Map([["web", 2]]));
});

test("when all are invalid, 400 tells why and nothing is journaled", async () => {
  await using server = await startTestServer();
  const reply = await post(server, [BAD, BAD]);
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({
    code: "events_invalid",
    accepted: 0,
    rejected: 2,
    results: [{ index: 0 }, { index: 1 }],
  });
  expect([server.journal.drafts.length, server.quarantine.entries.length]).toEqual([0, 2]);
});

test("an answer tells a bounded number of problems, and the code of each event; the quarantine has them all", async () => {
  await using server = await startTestServer();
  const members = Array.from({ length: 20 }, (_, n) => `"Member${n}":{}`).join();
  const reply = await post(server, `{"type":"page.viewed",${members}}\n`.repeat(100));
  const { results } = (await reply.json()) as { results: { status: string; code: string; problems?: unknown[] }[] };
  expect(results).toHaveLength(100);
  expect(results.every(({ status, code }) => status === "rejected" && code === "invalid_attribute")).toBe(true);
  expect(results.reduce((sum, { problems }) => sum + (problems?.length ?? 0), 0)).toBe(1_000);
  expect(server.quarantine.entries.every(({ reasons }) => reasons.length === 20)).toBe(true);
});

test("what is not JSON or breaks a limit is quarantined, cut to 16 KiB", async () => {
  await using server = await startTestServer();
  expect((await post(server, `{"type": ${"x".repeat(100_000)}`)).status).toBe(400);
  expect((await post(server, { type: "a", data: { ["x".repeat(100_000)]: 1 } })).status).toBe(400);
  expect(server.quarantine.entries).toMatchObject([
    { code: "invalid_json", reasons: [{ code: "invalid_json" }, { code: "truncated" }] },
    { code: "name_too_long", reasons: [{ code: "name_too_long" }, { code: "truncated" }] },
  ]);
  expect(server.quarantine.entries.map(({ event }) => event.length)).toEqual([16_384, 16_384]);
  expect(server.quarantined).toEqual(new Map([["web", 2]]));
});

test("when the quarantine fails the sender is told all the same, and the failure is counted", async () => {
  await using server = await startTestServer();
  server.quarantine.failing = true;
  expect((await post(server, [GOOD, BAD])).status).toBe(207);
  expect(server.quarantined.size).toBe(0);
  expect(await server.registry.metrics()).toContain("millrace_ingest_quarantine_failures_total 1");
});

test("in mode report invalid events are stored with warnings, in mode off nobody looks", async () => {
  await using server = await startTestServer({
    web: { validation: "report", unknownTypes: "reject" },
    sources: [{ name: "off", keys: ["wk_off"], validation: "off", unknownTypes: "reject" }],
  });
  const report = await post(server, [BAD, { type: "new" }, GOOD], "", REPRESENTATION);
  expect(await told(report)).toMatchObject({
    status: 201,
    body: {
      results: [
        { warnings: [{ pointer: "/data/total" }] },
        { warnings: [{ code: "unknown_type" }] },
        { status: "accepted" },
      ],
    },
  });
  const off = await post(server, BAD, "", { "X-Write-Key": "wk_off", ...REPRESENTATION });
  expect(await off.json()).toHaveProperty("results", [{ index: 0, id: "e-2", status: "accepted", receipt: "0-3" }]);
  expect(server.quarantine.entries).toEqual([]);
});

test("types without schema are accepted unless the source rejects them", async () => {
  await using server = await startTestServer({
    sources: [{ name: "strict", keys: ["wk_strict"], unknownTypes: "reject" }],
  });
  expect((await post(server, { type: "new" })).status).toBe(201);
  const reply = await post(server, { type: "new" }, "", { "X-Write-Key": "wk_strict" });
  expect(await told(reply)).toMatchObject({ status: 400, body: { results: [{ code: "unknown_type" }] } });
});

test("?validate=only tells what is wrong and stores nothing, even when the journal is full", async () => {
  await using server = await startTestServer();
  server.journal.full = true;
  const replies = [
    await post(server, GOOD, "?validate=only"),
    await post(server, [GOOD, BAD], "?validate=only"),
    await post(server, BAD, "?validate=only"),
  ];
  expect(replies.map((reply) => reply.status)).toEqual([200, 207, 400]);
  expect(await replies[1]?.json()).toMatchObject({
    valid: 1,
    rejected: 1,
    results: [{ status: "valid" }, { status: "rejected" }],
  });
  expect([server.journal.drafts.length, server.quarantine.entries.length]).toEqual([0, 0]);
});

test("a full journal is answered 429 with Retry-After, at every level, before and after the body", async () => {
  await using server = await startTestServer();
  server.journal.full = true;
  for (const level of ["received", "accepted", "durable", "delivered"]) {
    const reply = await post(server, GOOD, `?ack=${level}`);
    expect(await told(reply)).toMatchObject({ status: 429, body: { code: "journal_full" } });
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  }
  server.journal.full = false;
  server.journal.failure = "journal_full";
  expect((await post(server, [GOOD, BAD])).status).toBe(429);
  expect(server.quarantine.entries).toEqual([]);
});

test("a journal whose disk does not answer is not called full: 503 with the reason, also at received, before anything is acknowledged", async () => {
  await using server = await startTestServer();
  server.journal.full = true;
  server.journal.failure = "journal_write_failed";
  for (const level of ["received", "accepted"]) {
    const reply = await post(server, GOOD, `?ack=${level}`);
    expect(await told(reply)).toMatchObject({
      status: 503,
      body: { code: "journal_write_failed", detail: expect.stringContaining("Nothing of this request was stored") },
    });
  }
});

test("a disk that fails is answered 503, so that a load balancer turns to other nodes", async () => {
  await using server = await startTestServer();
  server.journal.failure = "journal_write_failed";
  const reply = await post(server, GOOD);
  expect(await told(reply)).toMatchObject({ status: 503, body: { code: "journal_write_failed" } });
});

test("a bug costs its own request only", async () => {
  await using server = await startTestServer();
  server.journal.failure = "broken";
  const reply = await post(server, GOOD);
  expect(await told(reply)).toMatchObject({ status: 500, body: { code: "internal_error" } });
  server.journal.failure = undefined;
  expect((await post(server, GOOD)).status).toBe(201);
});

test("received is answered before the journal has the events", async () => {
  await using server = await startTestServer();
  const gate = Promise.withResolvers<void>();
  server.journal.gate = gate.promise;
  const reply = await post(server, [GOOD, BAD], "?ack=received");
  expect([reply.status, reply.headers.get("millrace-receipt")]).toEqual([201, null]);
  gate.resolve();
  await server.server.close(5_000);
  expect([server.journal.drafts.length, server.quarantine.entries.length]).toEqual([1, 1]);
});

test("after received was answered nothing is lost in silence: it is quarantined, or counted with the reason", async () => {
  await using server = await startTestServer();
  server.journal.failure = "journal_write_failed";
  expect((await post(server, [GOOD, BAD], "?ack=received")).status).toBe(201);
  expect((await post(server, "{broken", "?ack=received")).status).toBe(201);
  await server.server.close(5_000);
  expect(await server.registry.metrics()).toContain(
    'millrace_ingest_lost_events_total{source="web",reason="journal_write_failed"} 1',
  );
  expect(server.quarantine.entries).toMatchObject([{ code: "type" }, { code: "invalid_json" }]);
});

test("a media type that nobody reads is refused at every level, with a hint for curl", async () => {
  await using server = await startTestServer();
  for (const level of ["received", "accepted"]) {
    const reply = await post(server, GOOD, `?ack=${level}`, { "Content-Type": "application/x-www-form-urlencoded" });
    expect(reply.headers.get("accept-post")).toContain("application/x-ndjson");
    expect(await told(reply)).toMatchObject({
      status: 415,
      body: { detail: expect.stringContaining("-H 'Content-Type: application/json'") },
    });
  }
  expect(server.quarantine.entries).toEqual([]);
});

test("accepted waits for the write", async () => {
  await using server = await startTestServer();
  const gate = Promise.withResolvers<void>();
  server.journal.gate = gate.promise;
  let answered = false;
  const reply = post(server, GOOD).finally(() => (answered = true));
  while (server.journal.drafts.length === 0) await sleep(1);
  await sleep(20);
  expect(answered).toBe(false);
  gate.resolve();
  expect((await reply).status).toBe(201);
});

test("durable asks the journal to sync, and is refused when it keeps nothing on disk", async () => {
  await using server = await startTestServer({ web: { ack: "durable" } });
  expect((await post(server, GOOD)).status).toBe(201);
  expect(server.journal.levels).toEqual(["synced"]);
  server.journal.durability = "memory";
  const reply = await post(server, GOOD);
  expect(await told(reply)).toMatchObject({ status: 400, body: { code: "ack_unavailable" } });
  expect((await post(server, GOOD, "?ack=accepted")).status).toBe(201);
});

test("delivered is 201 when every required sink has the events", async () => {
  await using server = await startTestServer();
  const reply = await post(server, GOOD, "?ack=delivered");
  expect([reply.status, await reply.text()]).toEqual([201, ""]);
  expect(await (await post(server, GOOD, "?ack=delivered", REPRESENTATION)).json()).toMatchObject({
    delivery: "delivered",
    sinks: [{ sink: "stream", required: true, events: { delivered: 1 } }],
    results: [{ status: "accepted" }],
  });
});

test.each([
  ["timeout", "pending", "held"],
  ["undelivered", "undelivered", "dead-lettered"],
] as const)(
  "delivered that ends in %s is 202 with a receipt and the state at each sink",
  async (outcome, delivery, state) => {
    await using server = await startTestServer();
    server.deliveries.outcome = outcome;
    server.deliveries.statuses = [{ sink: "stream", required: true, state }];
    const reply = await post(server, [GOOD, GOOD], "?ack=delivered");
    expect([reply.status, reply.headers.get("location")]).toEqual([202, "/v1/receipts/0-1"]);
    // Where others have receipts of the same name, the header tells whose this one is.
    const known = await fetch(`${server.url}/v1/receipts/0-1?events=2&key=wk_web`);
    expect(reply.headers.get("millrace-node")).toMatch(/^[0-9a-f]{16}$/);
    expect(known.headers.get("millrace-node")).toBe(reply.headers.get("millrace-node"));
    expect(await reply.json()).toEqual({
      receipt: "0-1",
      accepted: 2,
      rejected: 0,
      delivery,
      sinks: [{ sink: "stream", required: true, events: { [state]: 2 } }],
    });
  },
);

test("a receipt tells the state of its event", async () => {
  await using server = await startTestServer();
  const reply = await fetch(`${server.url}/v1/receipts/0-7?key=wk_web`);
  expect(await reply.json()).toEqual({
    id: "0-7",
    state: "delivered",
    sinks: [{ sink: "stream", required: true, state: "delivered" }],
  });
  server.deliveries.statuses = undefined;
  expect((await fetch(`${server.url}/v1/receipts/0-7?key=wk_web`)).status).toBe(404);
});

test("a source over its quota is answered 429 until its debt is paid, and other sources are not", async () => {
  await using server = await startTestServer({
    web: { quota: { eventsPerSecond: 1, burst: 2 } },
    sources: [{ name: "app", keys: ["wk_app"] }],
  });
  expect((await post(server, [GOOD, GOOD, GOOD])).status).toBe(201);
  const reply = await post(server, GOOD);
  expect(await told(reply)).toMatchObject({ status: 429, body: { code: "quota_exceeded" } });
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(2);
  expect((await post(server, GOOD, "", { "X-Write-Key": "wk_app" })).status).toBe(201);
});

test("schemas, the API description and health are there for everyone", async () => {
  await using server = await startTestServer();
  const get = async (path: string) => {
    const reply = await fetch(server.url + path, { headers: { Origin: "https://any.example" } });
    return [reply.status, reply.headers.get("access-control-allow-origin"), await reply.json()];
  };
  expect(await get("/v1/schemas")).toEqual([
    200,
    "*",
    { schemas: [{ type: "checkout.paid", versions: ["1"], path: "/v1/schemas/checkout.paid" }] },
  ]);
  expect(await get("/v1/schemas/checkout.paid/1")).toMatchObject([200, "*", { required: ["total"] }]);
  expect(await get("/openapi.json")).toMatchObject([200, "*", { openapi: "3.1.0" }]);
  expect(await get("/livez")).toEqual([200, "*", { live: true }]);
  expect(await get("/readyz")).toEqual([503, "*", { ready: false, reasons: ["draining"] }]);
  const head = await fetch(`${server.url}/livez`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "13", ""]);
});

test("a request that could never fit into the journal is told to be sent in parts, not to wait", async () => {
  await using server = await startTestServer();
  server.journal.full = true;
  server.journal.maxBytes = 300;
  const large = { ...GOOD, subject: "x".repeat(300) };
  for (const path of ["", "?ack=received"]) {
    expect(await told(await post(server, large, path))).toMatchObject({
      status: 413,
      body: { code: "body_too_large" },
    });
  }
  expect((await post(server, GOOD)).status).toBe(429);
  // What the collector adds counts too.
  server.journal.full = false;
  server.journal.failure = "journal_full";
  expect((await post(server, [GOOD, GOOD])).status).toBe(413);
});

test("nothing keeps a request's body while its sinks are waited for", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: unknown = runInNewContext("gc");
  if (typeof collectGarbage !== "function") throw new Error("V8 has a garbage collector");
  await using server = await startTestServer();
  const gate = Promise.withResolvers<"delivered">();
  server.deliveries.whenSettled = () => gate.promise;
  const answer = post(server, { ...GOOD, subject: "x".repeat(500_000) }, "?ack=delivered");
  while (server.journal.drafts.length === 0) await sleep(1);
  const memory = new WeakRef(server.journal.drafts.pop()?.body.buffer ?? {});
  for (let i = 0; i < 50 && memory.deref() !== undefined; i++) {
    await sleep(5);
    collectGarbage();
  }
  expect(memory.deref()).toBeUndefined();
  gate.resolve("delivered");
  expect((await answer).status).toBe(201);
});

test("a small request that comes after a large one is not held up by it", async () => {
  await using server = await startTestServer();
  const large = Array.from({ length: 5_000 }, () => ({ type: "large", data: "x".repeat(2_000) }));
  const replies: string[] = [];
  const both = [post(server, large).then(() => replies.push("large"))];
  while (!/body_bytes_total [1-9]/.test(await server.registry.metrics())) await sleep(1);
  both.push(post(server, GOOD).then(() => replies.push("small")));
  await Promise.all(both);
  expect(replies).toEqual(["small", "large"]);
  expect(server.journal.events().map(({ type }) => type)).toEqual(["checkout.paid", ...large.map(({ type }) => type)]);
});
