import { expect, test } from "vitest";
import { sourceConfig } from "../../config.ts";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";

function post(server: TestServer, body: string, headers: Record<string, string> = {}, query = ""): Promise<Response> {
  return fetch(`${server.url}/v1/json${query}`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", "x-write-key": "wk_web", ...headers },
  });
}

function bodyOf(server: TestServer, index: number): string {
  return server.journal.drafts[index]?.body.toString() ?? "";
}

test("a value of any form is the data of an event, byte for byte", async () => {
  await using server = await startTestServer();
  const value = '{ "total": 12345678901234567890.10, "a":1, "a":2, "type": "other", "e": "\\u00e9" }';
  expect((await post(server, value)).status).toBe(201);
  expect(bodyOf(server, 0)).toBe(`"type":"json","data":${value}`);
  expect((await post(server, "7")).status).toBe(201);
  expect((await post(server, "[[1,2],null]")).status).toBe(201);
  expect((await post(server, '"a"\n[true]', { "content-type": "application/x-ndjson" })).status).toBe(201);
  expect(server.journal.events().map(({ type, data }) => [type, data])).toEqual([
    ["json", expect.objectContaining({ e: "é" })],
    ["json", 7],
    ["json", [1, 2]],
    ["json", null],
    ["json", "a"],
    ["json", [true]],
  ]);
  expect(server.journal.events()[1]).toMatchObject({ idassigned: true, source: "web" });
});

test("a Stripe-like webhook has its type, id and time where the source's options say", async () => {
  await using server = await startTestServer({
    web: { json: { typeFrom: "/type", idFrom: "/id", timeFrom: "/created" } },
  });
  await post(server, '{"id":"evt_1NG8Du2e","object":"event","created":1769860800,"type":"invoice.paid","data":{}}');
  expect(server.journal.events()[0]).toMatchObject({
    id: "evt_1NG8Du2e",
    type: "invoice.paid",
    time: "2026-01-31T12:00:00Z",
    data: { object: "event" },
  });
  expect(server.journal.events()[0]).not.toHaveProperty("idassigned");
});

test("a GitHub-like webhook has them in headers, and may come to a path of the source's own", async () => {
  await using server = await startTestServer({
    sources: [
      {
        name: "github",
        keys: ["wk_github"],
        json: { typeFrom: "header:X-GitHub-Event", idFrom: "header:X-GitHub-Delivery" },
        paths: { "/hooks/github": "/v1/json" },
      },
    ],
  });
  const hook = (headers: Record<string, string>, body = "{}"): Promise<Response> =>
    fetch(`${server.url}/hooks/github`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
  expect((await hook({ "x-github-event": "push", "x-github-delivery": "72d3162e" })).status).toBe(201);
  expect((await hook({ "x-github-event": "push", "x-github-delivery": "81aa" }, "[{},{}]")).status).toBe(201);
  expect(server.journal.events().map(({ type, id }) => [type, id])).toEqual([
    ["push", "72d3162e"],
    ["push", "81aa"],
    ["push", "81aa.1"],
  ]);
  const refused = await hook({});
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("header:X-GitHub-Event");
});

test("numbers become ids with all their digits; null and nothing leave the id and the time to the collector", async () => {
  await using server = await startTestServer({
    web: { json: { type: "order.changed", idFrom: "/order/id", timeFrom: "/at" } },
  });
  await post(server, '[{"order":{"id":12345678901234567890}},{"order":{"id":null},"at":null},{}]');
  const [first, ...others] = server.journal.events();
  expect(first).toMatchObject({ id: "12345678901234567890", type: "order.changed" });
  for (const event of others) expect(event).toMatchObject({ idassigned: true, time: event["receivedtime"] });
});

test("a value whose type or time cannot be read is refused alone, and its reason names the place", async () => {
  await using server = await startTestServer({ web: { json: { typeFrom: "/event", timeFrom: "/at" } } });
  const answer = await post(
    server,
    '[{"event":"a"},{},{"event":{}},{"event":"b","at":"soon"},{"event":"b","at":[]},{"event":""},5]',
  );
  expect(answer.status).toBe(207);
  const { results } = (await answer.json()) as {
    results: { index: number; problems?: { code: string; pointer: string }[] }[];
  };
  expect(results.map(({ problems }) => problems?.map(({ code, pointer }) => `${code} ${pointer}`))).toEqual([
    undefined,
    ["required /data/event"],
    ["type /data/event"],
    ["invalid_attribute /data/at"],
    ["type /data/at"],
    ["invalid_attribute /type"],
    ["required /data/event"],
  ]);
  expect(server.journal.drafts).toHaveLength(1);
  expect(server.quarantine.entries).toHaveLength(6);
});

test("schemas, limits and levels hold as for native events", async () => {
  await using server = await startTestServer({
    http: { maxEventBytes: 1_024, maxJsonDepth: 4 },
    web: { json: { type: "checkout.paid" } },
  });
  expect((await post(server, '{"total":"1"}')).status).toBe(400);
  expect((await post(server, '{"total":1}', {}, "?ack=durable")).status).toBe(201);
  expect(server.journal.levels).toEqual(["synced"]);
  expect((await post(server, JSON.stringify({ total: 1, text: "x".repeat(2_000) }))).status).toBe(400);
  expect((await post(server, '{"total":1,"a":[[[[]]]]}')).status).toBe(400);
  expect((await post(server, "{", {}, "?ack=received")).status).toBe(201);
  expect(server.journal.drafts).toHaveLength(1);
});

test("media types of webhooks are read, and forms are refused with what to do", async () => {
  await using server = await startTestServer();
  expect((await post(server, "{}", { "content-type": "application/vnd.github.v3+json" })).status).toBe(201);
  const form = await post(server, "payload=%7B%7D", { "content-type": "application/x-www-form-urlencoded" });
  expect([form.status, form.headers.get("accept-post")]).toEqual([415, expect.stringContaining("application/json")]);
});

test.each([
  ["a type and a place for it", { type: "a", typeFrom: "/type" }],
  ["a place that is no pointer", { idFrom: "id" }],
  ["a pointer with a broken escape", { idFrom: "/a~2" }],
  ["the whole value as a place", { idFrom: "" }],
  ["a header with the write key", { idFrom: "header:X-Write-Key" }],
  ["an empty type", { type: "" }],
  ["an unknown key", { idForm: "/id" }],
])("the configuration refuses %s", (_what, json) => {
  expect(sourceConfig.safeParse({ name: "web", keys: ["k"], json }).success).toBe(false);
});
