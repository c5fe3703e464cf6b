import { expect, test } from "vitest";
import { startTestServer } from "../../ingest-server-fixture.ts";

test("an image stores its event, and is an image whatever becomes of it", async () => {
  await using server = await startTestServer();
  const get = async (query: string) => {
    const reply = await fetch(`${server.url}/v1/pixel.gif${query}`);
    const bytes = Buffer.from(await reply.arrayBuffer());
    expect([reply.headers.get("content-type"), reply.headers.get("cache-control")]).toEqual(["image/gif", "no-store"]);
    expect([bytes.length, bytes.toString("latin1", 0, 6)]).toEqual([43, "GIF89a"]);
    return [reply.status, reply.headers.get("millrace-receipt") ?? reply.headers.get("millrace-problem")];
  };
  expect(await get("?key=wk_web&type=mail.opened&id=m-1&campaign=spring")).toEqual([200, "0-0"]);
  expect(await get("?key=wk_web&type=mail.opened&ack=received")).toEqual([200, null]);
  expect(await get("?key=wk_web")).toEqual([400, "events_invalid"]);
  expect(await get("?type=a")).toEqual([401, "missing_key"]);
  expect(await get("?key=nobody&type=a")).toEqual([401, "unknown_key"]);
  expect(await get("?key=wk_web&type=checkout.paid&total=1")).toEqual([400, "events_invalid"]);
  expect((await fetch(`${server.url}/v1/pixel.gif`, { method: "POST" })).headers.get("content-type")).toBe("image/gif");
  expect(await get("?key=wk_web&type=checkout.paid&data=%7B%22total%22:1%7D")).toEqual([200, "0-2"]);
  expect(server.journal.events()).toMatchObject([
    { id: "m-1", type: "mail.opened", source: "web", data: { campaign: "spring" } },
    { type: "mail.opened", idassigned: true },
    { type: "checkout.paid", data: { total: 1 } },
  ]);
  expect(server.quarantine.entries.map(({ reasons }) => reasons[0])).toMatchObject([
    { code: "required" },
    { code: "type" },
  ]);
});

test("HEAD stores nothing, and what is checked only neither", async () => {
  await using server = await startTestServer();
  const head = await fetch(`${server.url}/v1/pixel.gif?key=wk_web&type=a`, { method: "HEAD" });
  expect([head.status, head.headers.get("allow")]).toEqual([405, "GET, OPTIONS"]);
  const check = await fetch(`${server.url}/v1/pixel.gif?key=wk_web&type=a&validate=only`);
  expect([check.status, await check.json()]).toMatchObject([200, { valid: 1 }]);
  expect(server.journal.drafts).toHaveLength(0);
});

test("a parameter of the event is no report of what its client has dropped", async () => {
  await using server = await startTestServer();
  const reply = await fetch(`${server.url}/v1/pixel.gif?key=wk_web&type=parcel&dropped=parcels:3`);
  expect(reply.status).toBe(200);
  expect(server.journal.events()).toMatchObject([{ data: { dropped: "parcels:3" } }]);
  expect([...server.clientDropped]).toEqual([]);
});
