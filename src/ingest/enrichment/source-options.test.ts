import { createHmac } from "node:crypto";
import path from "node:path";
import { expect, test } from "vitest";
import { sourceConfig } from "../config.ts";
import { startTestServer, type TestServer } from "../ingest-server-fixture.ts";

const PHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
const GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const CITY = path.join(import.meta.dirname, "fixtures/city.mmdb");
const HASH_SECRET = "0123456789abcdef";

async function post(
  server: TestServer,
  events: unknown,
  { query = "", headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: Record<string, unknown>; receipt: string | null }> {
  const reply = await fetch(`${server.url}/v1/events${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer wk_web", "User-Agent": PHONE, ...headers },
    body: typeof events === "string" ? events : JSON.stringify(events),
  });
  const text = await reply.text();
  const body = text === "" ? {} : JSON.parse(text);
  return { status: reply.status, body, receipt: reply.headers.get("millrace-receipt") };
}

const DETAILED = { headers: { Prefer: "return=representation" } };

/** All that would be on disk. */
function onDisk({ journal, quarantine }: TestServer): string {
  return [
    ...journal.drafts.map(({ head, body, tail }) => Buffer.concat([head, body, tail]).toString()),
    ...quarantine.entries.map(({ event, reasons }) => `${Buffer.from(event).toString()} ${JSON.stringify(reasons)}`),
  ].join("\n");
}

test("userAgent: parsed tells the browser and keeps the text out; none keeps out both; raw is the default", async () => {
  await using parsed = await startTestServer({ web: { userAgent: "parsed" } });
  await post(parsed, { type: "a" });
  expect(parsed.journal.events()).toMatchObject([
    { browser: "Safari", browserversion: "17.4", os: "iOS", osversion: "17.4", device: "mobile" },
  ]);
  expect(onDisk(parsed)).not.toContain("Mozilla");
  await using none = await startTestServer({ web: { userAgent: "none" } });
  await post(none, { type: "a" });
  expect(onDisk(none)).not.toMatch(/Mozilla|browser|useragent/);
  await using raw = await startTestServer();
  await post(raw, { type: "a", browser: "mine" });
  expect(raw.journal.events()).toMatchObject([{ useragent: PHONE, browser: "mine" }]);
});

test("what a sender says under a name that the collector uses is taken out, however it is spelled, and no name is there twice", async () => {
  await using server = await startTestServer({ web: { userAgent: "parsed", bots: "flag", geo: { file: CITY } } });
  await post(server, '{"type":"a","browser":"x","\\u0069sbot":true,"geocity":"Atlantis","n":7}');
  await post(server, '{"type":"a","isbot":true}', {
    headers: { "User-Agent": DESKTOP },
  });
  expect(server.journal.events()).toMatchObject([
    { browser: "Safari", geocity: "Wellington", n: 7 },
    { browser: "Firefox" },
  ]);
  expect(onDisk(server)).not.toMatch(/Atlantis|isbot|"x"|u0069/);
  expect(
    onDisk(server)
      .split("\n")[0]
      ?.match(/"browser":/g),
  ).toHaveLength(1);
}, 20_000);

test("bots are flagged, or answered as accepted, counted and not stored", async () => {
  const bot = { headers: { ...DETAILED.headers, "User-Agent": GOOGLEBOT } };
  await using flag = await startTestServer({ web: { bots: "flag" } });
  await post(flag, { type: "a" }, bot);
  await post(flag, { type: "a" });
  expect(flag.journal.events().map(({ isbot }) => isbot)).toEqual([true, undefined]);
  await using drop = await startTestServer({ web: { bots: "drop" } });
  const answer = await post(drop, [{ type: "a", id: "1" }, { type: "a" }], bot);
  expect(answer).toMatchObject({ status: 201, receipt: null });
  expect(answer.body).toEqual({
    accepted: 0,
    filtered: 2,
    rejected: 0,
    results: [
      { index: 0, id: "1", status: "accepted", dropped: "bot" },
      { index: 1, status: "accepted", dropped: "bot" },
    ],
  });
  expect((await post(drop, { type: "a" })).status).toBe(201);
  expect(drop.journal.drafts).toHaveLength(1);
  expect(drop.filtered).toEqual(new Map([["web bot", 2]]));
  // What is wrong with a bot's event is told as ever.
  const mixed = await post(drop, [{ type: "a" }, { type: 5 }], bot);
  expect(mixed).toMatchObject({ status: 207, body: { accepted: 0, filtered: 1, rejected: 1 } });
});

test("the place is looked up by the whole address, also where no address is stored", async () => {
  for (const clientIp of ["truncated", "none"]) {
    await using server = await startTestServer({
      http: { trustedProxyHops: 1 },
      web: { clientIp, geo: { file: CITY } },
    });
    for (const address of ["192.0.2.7", "192.0.2.200", "198.51.100.1", "2001:db8::1", "no address"]) {
      await post(server, { type: "a" }, { headers: { "X-Forwarded-For": address } });
    }
    const [berlin, orleans, unknown, japan, none] = server.journal.events();
    expect(berlin).toMatchObject({ geocountry: "DE", georegion: "DE-BE", geocity: "Berlin" });
    expect(orleans).toMatchObject({ geocountry: "FR", geocity: "Orléans" });
    expect(japan).toMatchObject({ geocountry: "JP" });
    for (const event of [unknown, none]) expect(event).not.toHaveProperty("geocountry");
    expect(berlin?.["clientip"]).toBe(clientIp === "none" ? undefined : "192.0.2.0");
  }
});

test("a field that is to be redacted is in no stored byte, of valid and invalid events, and validation saw it", async () => {
  const redact = [
    { pointer: "/data/email", action: "remove" },
    { pointer: "/data/total", action: "hash" },
    { pointer: "/segment/context/ip", action: "remove" },
  ];
  await using server = await startTestServer({ web: { redact, hashSecret: HASH_SECRET } });
  const segment = JSON.stringify({ context: { ip: "SECRET", page: 1 } });
  const good = `{"type":"checkout.paid","id":"1", "data":{"total":1234567.10,"email":"SECRET" ,"n":1.0},"segment":${JSON.stringify(segment)}}`;
  expect((await post(server, good)).status).toBe(201);
  const [event] = server.journal.events();
  const hash = createHmac("sha256", HASH_SECRET).update("1234567.10").digest("hex").slice(0, 32);
  expect(event).toMatchObject({ data: { total: hash, n: 1 }, segment: '{"context":{"page":1}}' });
  expect(onDisk(server)).toContain(`"id":"1", "data":{"total":"${hash}","n":1.0}`);

  const bad = await post(
    server,
    '{"type":"checkout.paid","data":{"total":"SECRET","email":"SECRET","plain":"harmless"}}',
  );
  expect(bad).toMatchObject({ status: 400, body: { results: [{ pointer: "/data/total" }] } });
  await post(server, '{"type":"a","id":5,"data":{"em\\u0061il":"SECRET","plain":"harmless"}}');
  expect(onDisk(server).match(/harmless/g)).toHaveLength(2);
  expect(server.quarantine.entries).toMatchObject([
    { code: "type", reasons: [{ pointer: "/data/total" }] },
    { code: "type", reasons: [{ pointer: "/id" }] },
  ]);
  expect(onDisk(server)).not.toContain("SECRET");
});

test("what cannot be read, where no field can be found, is counted in the quarantine and not kept", async () => {
  await using server = await startTestServer({
    http: { maxEventBytes: 1024 },
    web: { redact: [{ pointer: "/data/email", action: "remove" }] },
  });
  await post(server, '{"type":"a","data":{"email":"SECRET"');
  await post(server, '["SECRET"]');
  await post(server, { type: "a", data: { email: "SECRET", long: "x".repeat(2000) } });
  await post(server, '{"type":"a","data":{"email":"SECRET"}', { headers: { "Content-Type": "application/x-ndjson" } });
  await post(server, '{"email":"SECRET', { query: "?ack=received" });
  await expect.poll(() => server.quarantine.entries.length).toBe(5);
  expect(onDisk(server)).not.toMatch(/SECRET|xxx/);
  expect(server.quarantine.entries.map(({ code }) => code)).toEqual([
    "invalid_json",
    "type",
    expect.stringMatching(/large/),
    "invalid_json",
    "invalid_json",
  ]);
});

test("events are sampled by their key, the same ones wherever they come, and counted", async () => {
  const sample = { rate: 0.5, by: "/data/userId" };
  await using one = await startTestServer({ web: { sample } });
  await using other = await startTestServer({ web: { sample } });
  const users = Array.from({ length: 100 }, (_, user) => ({ type: "a", data: { userId: `u${user}` } }));
  const answer = await post(one, [...users, ...users], DETAILED);
  for (const user of users) await post(other, user);
  const kept = (server: TestServer) => server.journal.events().map(({ data }) => JSON.stringify(data));
  expect(kept(one)).toEqual([...kept(other), ...kept(other)]);
  const stored = one.journal.drafts.length;
  expect(stored).toBeGreaterThan(40);
  expect(answer).toMatchObject({ status: 201, body: { accepted: stored, filtered: 200 - stored, rejected: 0 } });
  const results = answer.body["results"] as { status: string; dropped?: string; receipt?: string }[];
  expect(results).toHaveLength(200);
  // Receipts are those of the stored events, in order.
  expect(results.flatMap(({ receipt }) => receipt ?? [])).toEqual(Array.from({ length: stored }, (_, at) => `0-${at}`));
  expect(
    results.every(
      ({ status, dropped, receipt }) => status === "accepted" && (dropped === undefined) === (receipt !== undefined),
    ),
  ).toBe(true);
  expect(one.filtered).toEqual(new Map([["web sampled", 200 - stored]]));
});

test("an event without the key is sampled by its id", async () => {
  const events = Array.from({ length: 50 }, (_, id) => ({ type: "a", id: String(id) }));
  await using byId = await startTestServer({ web: { sample: { rate: 0.3 } } });
  await using byKey = await startTestServer({ web: { sample: { rate: 0.3, by: "/data/userId" } } });
  await post(byId, events);
  await post(byKey, events);
  expect(byKey.journal.drafts.map(({ id }) => id)).toEqual(byId.journal.drafts.map(({ id }) => id));
  expect(byId.journal.drafts.length).toBeGreaterThan(0);
});

test("a repeat of a stored id is answered as accepted, counted and not stored, within a request too", async () => {
  await using server = await startTestServer({ web: { dedupe: {} } });
  expect(
    (await post(server, [{ type: "a", id: "1" }, { type: "a", id: "1" }, { type: "a" }, { type: "a" }])).status,
  ).toBe(201);
  const repeat = await post(
    server,
    [
      { type: "a", id: "1" },
      { type: "a", id: "2" },
    ],
    DETAILED,
  );
  expect(repeat.body).toMatchObject({
    receipt: "0-3",
    accepted: 1,
    filtered: 1,
    results: [
      { id: "1", status: "accepted", dropped: "duplicate" },
      { id: "2", status: "accepted", receipt: "0-3" },
    ],
  });
  expect(server.journal.drafts).toHaveLength(4);
  expect(server.filtered).toEqual(new Map([["web duplicate", 2]]));
});

test("a repeat of what could not be stored is stored", async () => {
  await using server = await startTestServer({ web: { dedupe: {} } });
  server.journal.failure = "journal_write_failed";
  expect(
    (
      await post(server, [
        { type: "a", id: "1" },
        { type: "a", id: "1" },
      ])
    ).status,
  ).toBe(503);
  expect(server.filtered.size).toBe(0);
  server.journal.failure = undefined;
  expect((await post(server, { type: "a", id: "1" })).status).toBe(201);
  expect(server.journal.drafts).toHaveLength(1);
});

test("a repeat that asks for more than its first copy was promised is stored again", async () => {
  await using server = await startTestServer({ web: { dedupe: {} } });
  const send = async (ack: string) => (await post(server, { type: "a", id: "1" }, { query: `?ack=${ack}` })).status;
  for (const ack of ["accepted", "accepted", "durable", "durable", "accepted", "delivered"]) {
    expect(await send(ack)).toBe(201);
  }
  expect(server.journal.levels).toEqual(["written", "synced", "written"]);
});

test("a reload keeps what is known of ids", async () => {
  await using server = await startTestServer({ web: { dedupe: {} } });
  await post(server, { type: "a", id: "1" });
  server.sources = server.sources.replacedBy([
    sourceConfig.parse({ name: "web", keys: ["wk_web"], dedupe: { maxIds: 5 }, ack: "durable" }),
  ]);
  await post(server, { type: "a", id: "1" }, { query: "?ack=accepted" });
  expect(server.journal.drafts).toHaveLength(1);
});

test("events that are only to be checked are neither filtered nor counted", async () => {
  await using server = await startTestServer({ web: { sample: { rate: 0 } } });
  expect(await post(server, { type: "a" }, { query: "?validate=only&dropped=full:3" })).toMatchObject({
    status: 200,
    body: { valid: 1 },
  });
  expect([server.filtered.size, server.clientDropped.size]).toEqual([0, 0]);
});

test("what clients report to have dropped is counted once with each request whose events are taken", async () => {
  await using server = await startTestServer({ web: { sample: { rate: 1 } } });
  const query = "?dropped=queue_full:3,expired:2";
  expect((await post(server, { type: "a" }, { query })).status).toBe(201);
  expect((await post(server, { type: "a" }, { query: `${query}&ack=received` })).status).toBe(201);
  expect(server.clientDropped).toEqual(
    new Map([
      ["web queue_full", 6],
      ["web expired", 4],
    ]),
  );
  server.journal.failure = "journal_full";
  expect((await post(server, { type: "a" }, { query })).status).toBe(429);
  expect((await post(server, { type: 5 }, { query })).status).toBe(400);
  expect((await post(server, "{", { query })).status).toBe(400);
  expect(server.clientDropped.get("web queue_full")).toBe(6);
});

test.each([
  ["?dropped", []],
  ["?dropped=", []],
  ["?dropped=full", []],
  ["?dropped=full:-1", []],
  ["?dropped=full:1e3", []],
  ["?dropped=full:1000000001", []],
  ["?dropped=Full:1,__proto__:1,a:1:2,ok:1000000000", [["web ok", 1e9]]],
  ["?dropped=%zz", []],
  [
    "?dropped=full%3A1%2Cother%3A2",
    [
      ["web full", 1],
      ["web other", 2],
    ],
  ],
  ["?dropped=full:1&dropped=full:2", [["web full", 3]]],
  [
    `?dropped=${Array.from({ length: 20 }, (_, index) => `r${"a".repeat(index)}:1`).join(",")}`,
    expect.objectContaining({ length: 8 }),
  ],
  ["?droped=full:1", []],
])("no report makes events be refused: %s", async (query, counted) => {
  await using server = await startTestServer();
  expect((await post(server, { type: "a" }, { query })).status).toBe(201);
  expect([...server.clientDropped]).toEqual(counted);
});

test.each([
  [{ redact: [{ pointer: "data", action: "remove" }] }, /JSON Pointer/],
  [{ redact: [{ pointer: "/id", action: "remove" }] }, /every event has/],
  [{ redact: [{ pointer: "/t\u0079pe", action: "hash" }] }, /every event has/],
  [{ redact: [{ pointer: "/clientip", action: "remove" }] }, /see clientIp/],
  [{ redact: [{ pointer: "/*/email", action: "remove" }] }, /begins with a name/],
  [{ redact: [{ pointer: "/data/a", action: "hash" }] }, /needs hashSecret/],
  [{ sample: { rate: 1.5 } }, /1/],
  [{ sample: { rate: 1, by: "/data/*" } }, /names one value/],
  [{ sample: { rate: 1, by: "/data/a" }, redact: [{ pointer: "/data", action: "remove" }] }, /removed by redact/],
])("options that make no sense are refused with the reason: %j", (options, reason) => {
  const parsed = sourceConfig.safeParse({ name: "web", keys: ["wk_web"], ...options });
  expect(parsed.error?.message).toMatch(reason);
});

test("the same holds for another protocol, whose messages are redacted as the events that they become", async () => {
  const redact = [
    { pointer: "/data/email", action: "remove" },
    { pointer: "/segment/context/page/url", action: "remove" },
  ];
  await using server = await startTestServer({ web: { redact, dedupe: {} } });
  const track = async (message: object, query = ""): Promise<number> => {
    const reply = await fetch(`${server.url}/v1/track${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: "Basic d2tfd2ViOg==" },
      body: JSON.stringify(message),
    });
    await reply.arrayBuffer();
    return reply.status;
  };
  const message = {
    type: "track",
    event: "a",
    userId: "u",
    messageId: "m-1",
    properties: { email: "SECRET", n: 1 },
    context: { page: { url: "SECRET", title: "Cart" } },
  };
  expect(await track(message, "?dropped=queue_full:2")).toBe(200);
  expect(await track(message)).toBe(200);
  expect(server.journal.events()).toMatchObject([
    { id: "m-1", data: { n: 1 }, segment: expect.stringContaining("Cart") },
  ]);
  expect([server.filtered.get("web duplicate"), server.clientDropped.get("web queue_full")]).toEqual([1, 2]);
  expect(await track({ ...message, event: 5 })).toBe(400);
  expect(server.quarantine.entries).toHaveLength(1);
  expect(onDisk(server)).not.toContain("SECRET");
});
