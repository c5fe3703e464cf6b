import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "./ingest-server-fixture.ts";

const SHOP = "https://shop.example";
const OPEN = { name: "open", keys: ["wk_open"], origins: ["*"] };

function preflight(server: TestServer, path: string, origin: string): Promise<Response> {
  const headers = {
    Origin: origin,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-write-key",
  };
  return fetch(server.url + path, { method: "OPTIONS", headers });
}

test("a preflight from a listed origin is allowed what the collector reads, and may be remembered", async () => {
  await using server = await startTestServer({ web: { origins: [SHOP] } });
  const reply = await preflight(server, "/v1/events", SHOP);
  expect(reply.status).toBe(204);
  expect(Object.fromEntries(reply.headers)).toMatchObject({
    "access-control-allow-origin": SHOP,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "POST, GET, HEAD",
    "access-control-allow-headers":
      "Authorization, Content-Encoding, Content-Type, Prefer, SP-Anonymous, X-Retry-Count, X-Write-Key",
    "access-control-max-age": "86400",
    vary: "Origin",
  });
});

test("a preflight from an origin that no source lists is refused without permission", async () => {
  await using server = await startTestServer({ web: { origins: [SHOP] } });
  const reply = await preflight(server, "/v1/events", "https://evil.example");
  expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

test("a preflight with the key in the query is held against that source", async () => {
  await using server = await startTestServer({ web: { origins: [SHOP] }, sources: [OPEN] });
  expect((await preflight(server, "/v1/events?key=wk_web", "https://other.example")).status).toBe(403);
  const reply = await preflight(server, "/v1/events?key=wk_open", "https://other.example");
  expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
  expect(reply.headers.get("access-control-allow-credentials")).toBeNull();
});

test("OPTIONS without an origin tells the methods", async () => {
  await using server = await startTestServer();
  const reply = await fetch(`${server.url}/v1/events`, { method: "OPTIONS" });
  expect([reply.status, reply.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
});

test("a page of a listed origin can read the answer, good or bad", async () => {
  await using server = await startTestServer({ web: { origins: [SHOP] } });
  const post = (path: string, body: string) =>
    fetch(`${server.url}/v1/events${path}`, { method: "POST", headers: { Origin: SHOP }, body });
  for (const [path, body, status] of [
    ["?key=wk_web", '{"type":"a"}', 201],
    ["?key=wk_web", "{", 400],
    ["?key=nobody", "{}", 401],
    ["", "{}", 401],
  ] as const) {
    const reply = await post(path, body);
    expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([status, SHOP]);
    expect(reply.headers.get("access-control-expose-headers")).toContain("Retry-After");
    expect(reply.headers.get("vary")).toBe("Origin");
  }
});

test("a key may be used only by pages of its own source", async () => {
  await using server = await startTestServer({ web: { origins: [SHOP] }, sources: [OPEN] });
  const reply = await fetch(`${server.url}/v1/events?key=wk_web`, {
    method: "POST",
    headers: { Origin: "https://other.example" },
    body: '{"type":"a"}',
  });
  expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  expect(await reply.text()).toContain("https://other.example");
  expect(server.journal.drafts).toEqual([]);
});

test("a beacon is taken: text/plain, the key in the query, no other header", async () => {
  await using server = await startTestServer({ web: { origins: [SHOP] } });
  const reply = await fetch(`${server.url}/v1/events?key=wk_web`, {
    method: "POST",
    headers: { Origin: SHOP, "Content-Type": "text/plain;charset=UTF-8" },
    body: '{"type":"page.left"}',
  });
  expect(reply.status).toBe(201);
});
