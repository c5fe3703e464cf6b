import { expect, test } from "vitest";
import { type SourceConfig, sourceConfig } from "../../config.ts";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";

const TP2 = "/com.snowplowanalytics.snowplow/tp2";
const ID = "6f1c1e0a-3b5e-4c1e-9f0d-0a1b2c3d4e5f";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RULES = "Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=None";
const ON = { snowplow: { networkUserId: { cookie: "sp", maxAgeDays: 365 } } } satisfies Partial<SourceConfig>;

function post(server: TestServer, headers: Record<string, string> = {}, query = "", events: unknown[] = [{}]) {
  const data = events.map((event) => ({ e: "pv", aid: "wk_web", ...(event as object) }));
  return fetch(`${server.url}${TP2}${query}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ data }),
  });
}

function idsOf(server: TestServer): unknown[] {
  return server.journal.events().map((event) => event["networkuserid"]);
}

test("off, no cookie is read and none is set", async () => {
  await using server = await startTestServer();
  const cookie = `sp=${ID}`;
  const replies = [
    await post(server, { cookie }, "", [{ nuid: "n" }]),
    await fetch(`${server.url}/i?e=pv&aid=wk_web`, { headers: { cookie } }),
  ];
  expect(replies.map(({ status, headers }) => [status, headers.has("set-cookie")])).toEqual([
    [200, false],
    [200, false],
  ]);
  expect(server.journal.events()[0]).toMatchObject({ snowplow: '{"aid":"wk_web","nuid":"n"}' });
  expect(JSON.stringify(server.journal.events())).not.toMatch(`networkuserid|${ID}`);
});

test("a browser without the cookie gets one, by which its next events are known, by POST and by GET", async () => {
  await using server = await startTestServer({ web: ON });
  const first = await post(server, {}, "", [{}, {}]);
  const [id, same] = idsOf(server);
  expect(id).toMatch(UUID);
  expect(same).toBe(id);
  const set = `sp=${String(id)}; ${RULES}`;
  expect(first.headers.getSetCookie()).toEqual([set]);
  const cookie = `a=b; sp=${String(id)}`;
  const replies = [
    await post(server, { cookie }),
    // The key in its usual place, and at the level that is answered before anything is read.
    await post(server, { cookie, "x-write-key": "wk_web" }, "?ack=received"),
    await fetch(`${server.url}/i?e=pv&aid=wk_web`, { headers: { cookie } }),
  ];
  for (const reply of replies) expect([reply.status, reply.headers.getSetCookie()]).toEqual([200, [set]]);
  expect(idsOf(server)).toEqual([id, id, id, id, id]);
  await fetch(`${server.url}/i?e=pv&aid=wk_web`);
  expect(idsOf(server)[5]).not.toBe(id);
});

test("what an event says of its network user is for that event only", async () => {
  await using server = await startTestServer({ web: ON });
  const reply = await post(server, { cookie: `sp=${ID}` }, "", [{ nuid: "n" }, {}]);
  expect(idsOf(server)).toEqual(["n", ID]);
  expect(reply.headers.get("set-cookie")).toBe(`sp=${ID}; ${RULES}`);
});

test("a cookie that is no UUID goes nowhere, and of several the first that is one counts", async () => {
  await using server = await startTestServer({ web: ON });
  for (const value of ["", "evil", `${ID}x`, `"${ID}"`, `${ID}%0d%0aX: y`, "<script>", "=", `${ID},${ID}`]) {
    const reply = await post(server, { cookie: `sp=${value}; sp; xsp=${ID}; SP=${ID}` });
    expect(reply.headers.get("set-cookie")).toMatch(/^sp=[0-9a-f-]{36}; Path=/);
    expect(reply.headers.get("set-cookie")).not.toContain(ID);
  }
  for (const id of idsOf(server)) expect(id).toMatch(UUID);
  expect(JSON.stringify(server.journal.events())).not.toMatch(`evil|script|${ID}`);
  await post(server, { cookie: `sp=old; sp=${ID.toUpperCase()};sp=${ID.replaceAll("6", "7")}` });
  expect(idsOf(server).at(-1)).toBe(ID);
});

test("who asks for anonymity gets no cookie and is not known by one", async () => {
  await using server = await startTestServer({ web: ON });
  const headers = { "sp-anonymous": "*", cookie: `sp=${ID}` };
  const replies = [
    await post(server, headers, "", [{ nuid: "n" }]),
    await fetch(`${server.url}/i?e=pv&aid=wk_web`, { headers }),
  ];
  for (const reply of replies) expect([reply.status, reply.headers.has("set-cookie")]).toEqual([200, false]);
  expect(idsOf(server)).toEqual([undefined, undefined]);
});

test("a refusal sets no cookie, and neither does a check or another protocol", async () => {
  await using server = await startTestServer({
    web: { ...ON, origins: ["https://shop.example"] },
    sources: [{ name: "shop", keys: ["wk_shop"] }],
  });
  const replies = [
    await post(server, {}, "", [{ e: "xx" }]),
    await post(server, { origin: "https://evil.example" }),
    await post(server, {}, "?ack=never"),
    await post(server, { "x-write-key": "nobody" }),
    await post(server, {}, "?validate=only"),
    await post(server, { "x-write-key": "wk_shop" }),
    await fetch(`${server.url}/i?aid=wk_web`),
    await fetch(`${server.url}/v1/pixel.gif?key=wk_web&type=opened`),
  ];
  server.journal.full = true;
  replies.push(await post(server));
  expect(replies.map(({ status }) => status)).toEqual([400, 403, 400, 401, 200, 200, 400, 200, 429]);
  for (const reply of replies) expect(reply.headers.has("set-cookie")).toBe(false);
});

test("a page of a listed origin may send the cookie; any page of `*` may not", async () => {
  const origin = "https://shop.example";
  const allowed = async (origins: string[]) => {
    await using server = await startTestServer({ web: { ...ON, origins } });
    return (await post(server, { origin })).headers.get("access-control-allow-credentials");
  };
  expect([await allowed([origin]), await allowed(["*"])]).toEqual(["true", null]);
});

test("the cookie has the name, the age and the domain that are configured, and nothing that would break its header", async () => {
  const parse = (networkUserId: unknown) =>
    sourceConfig.safeParse({ name: "web", keys: ["k"], snowplow: { networkUserId } });
  expect(parse({}).data?.snowplow).toEqual(ON.snowplow);
  expect(parse({ cookie: "__Host-sp" }).success).toBe(true);
  for (const wrong of [
    { cookie: "a b" },
    { cookie: "a=b" },
    { cookie: "a;b" },
    { cookie: "" },
    { domain: "shop.example; Secure" },
    { domain: ".shop.example" },
    { domain: "Shop.example" },
    { cookie: "__Host-sp", domain: "shop.example" },
    { maxAgeDays: 401 },
    { maxAgeDays: 0 },
  ]) {
    expect(parse(wrong).success).toBe(false);
  }
  const networkUserId = { cookie: "n.1", maxAgeDays: 2, domain: "shop.example" };
  await using server = await startTestServer({ web: { snowplow: { networkUserId } } });
  const reply = await post(server, { cookie: `n.1=${ID}; n01=x` });
  expect(reply.headers.get("set-cookie")).toBe(
    `n.1=${ID}; Path=/; Domain=shop.example; Max-Age=172800; Secure; HttpOnly; SameSite=None`,
  );
});

test("a source that hashes the id stores no other form of it, and its browsers are known all the same", async () => {
  const redact = [{ pointer: "/networkuserid", action: "hash" as const }];
  await using server = await startTestServer({ web: { ...ON, redact, hashSecret: "a secret of the test" } });
  const cookie = `sp=${ID}`;
  const replies = [await post(server, { cookie }), await post(server, { cookie })];
  for (const reply of replies) expect(reply.headers.get("set-cookie")).toBe(`sp=${ID}; ${RULES}`);
  const [hash, again] = idsOf(server);
  expect(hash).toMatch(/^[0-9a-f]{32}$/);
  expect(again).toBe(hash);
  expect(JSON.stringify(server.journal.events())).not.toContain(ID);
});
