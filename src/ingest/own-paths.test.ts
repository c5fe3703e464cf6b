import { expect, test } from "vitest";
import { startTestServer } from "./ingest-server-fixture.ts";

const EVENT = JSON.stringify({ type: "page.viewed", id: "1" });

function post(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body: EVENT, headers: { "content-type": "application/json", ...headers } });
}

test("what comes to a path of a source's own is that source's, with its key or without", async () => {
  await using server = await startTestServer({
    sources: [{ name: "shop", keys: ["wk_shop"], paths: { "/assets/t": "/v1/events" } }],
  });
  const statuses = [
    (await post(`${server.url}/assets/t`)).status,
    (await post(`${server.url}/assets/t?key=wk_shop&ack=accepted`)).status,
    (await post(`${server.url}/assets/t`, { "x-write-key": "wk_shop" })).status,
  ];
  expect(statuses).toEqual([201, 201, 201]);
  expect(server.journal.events().map((event) => event["source"])).toEqual(["shop", "shop", "shop"]);

  const other = await post(`${server.url}/assets/t`, { "x-write-key": "wk_web" });
  expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([400, "key_conflict"]);
  const unknown = await post(`${server.url}/assets/t?key=wk_nobody`);
  expect(unknown.status).toBe(401);
});

test("a page of another origin may not use a path of a source's own, and its preflight says so", async () => {
  await using server = await startTestServer({
    sources: [
      { name: "shop", keys: ["wk_shop"], origins: ["https://shop.example"], paths: { "/assets/t": "/v1/events" } },
    ],
  });
  const from = async (origin: string, method: string): Promise<number> =>
    (
      await fetch(`${server.url}/assets/t`, {
        method,
        headers: { origin, "content-type": "application/json" },
        ...(method === "POST" ? { body: EVENT } : {}),
      })
    ).status;
  expect([await from("https://shop.example", "POST"), await from("https://evil.example", "POST")]).toEqual([201, 403]);
  expect(await from("https://shop.example", "OPTIONS")).toBe(204);
});

test("a path that nobody has is not found, and one that a reload takes away neither", async () => {
  await using server = await startTestServer({
    sources: [{ name: "shop", keys: ["wk_shop"], paths: { "/assets/t": "/v1/events" } }],
  });
  expect((await post(`${server.url}/assets/u`)).status).toBe(404);
  server.sources = server.sources.replacedBy([]);
  expect((await post(`${server.url}/assets/t`)).status).toBe(404);
});
