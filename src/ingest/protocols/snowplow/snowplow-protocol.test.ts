import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";

const TP2 = "/com.snowplowanalytics.snowplow/tp2";
const PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4";
const PAID =
  '{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:com.acme/checkout.paid/jsonschema/1-0-0","data":{"total":12345678901234567890.10}}}';
const GIF_BYTES = 43;

function post(server: TestServer, data: unknown, headers: Record<string, string> = {}, query = ""): Promise<Response> {
  return fetch(`${server.url}${TP2}${query}`, {
    method: "POST",
    headers: { "content-type": "application/json; charset=UTF-8", ...headers },
    body: typeof data === "string" ? data : JSON.stringify({ schema: PAYLOAD, data }),
  });
}

async function codeOf(reply: Response): Promise<[number, unknown]> {
  return [reply.status, ((await reply.json()) as { code?: unknown }).code];
}

test("a POST of several events is answered 200 ok, and its app id is the write key", async () => {
  await using server = await startTestServer();
  const reply = await post(server, [
    { e: "pv", eid: "1", aid: "wk_web", url: "https://shop.example/" },
    { e: "ue", eid: "2", aid: "other", ue_pr: PAID, uid: "ada", dtm: "1000", stm: "1000" },
  ]);
  expect([reply.status, await reply.text()]).toEqual([200, "ok"]);
  expect(reply.headers.get("millrace-receipt")).toBe("0-1");
  expect(server.journal.events()).toMatchObject([
    { id: "1", type: "page_view", source: "web", snowplow: '{"aid":"wk_web"}' },
    {
      id: "2",
      type: "checkout.paid",
      dataschema: "iglu:com.acme/checkout.paid/jsonschema/1-0-0",
      userid: "ada",
      snowplow: '{"aid":"other","dtm":"1000","stm":"1000"}',
    },
  ]);
  expect(server.journal.drafts[1]?.body.toString()).toContain('"data":{"total":12345678901234567890.10}');
});

test("a write key in its usual places goes before the app id", async () => {
  await using server = await startTestServer({ sources: [{ name: "shop", keys: ["wk_shop"] }] });
  await post(server, [{ e: "pv", aid: "wk_web" }], { "x-write-key": "wk_shop" });
  await post(server, [{ e: "pv", aid: "wk_web" }], {}, "?key=wk_shop");
  expect(server.journal.events().map(({ source }) => source)).toEqual(["shop", "shop"]);
  expect(await codeOf(await post(server, [{ e: "pv", aid: "nobody" }]))).toEqual([401, "unknown_key"]);
  expect(await codeOf(await post(server, [{ e: "pv" }]))).toEqual([401, "missing_key"]);
});

test("GET /i stores the event in its query and answers with an image that nothing caches, refusals too", async () => {
  await using server = await startTestServer({ web: { requireId: true } });
  const get = async (query: string) => {
    const reply = await fetch(`${server.url}/i?${query}`);
    const bytes = (await reply.arrayBuffer()).byteLength;
    return [reply.status, reply.headers.get("content-type"), reply.headers.get("cache-control"), bytes];
  };
  const image = ["image/gif", "no-store", GIF_BYTES];
  const px = Buffer.from(PAID).toString("base64url");
  expect(await get(`e=ue&eid=1&aid=wk_web&ue_px=${px}&page=a+b%20c`)).toEqual([200, ...image]);
  expect(server.journal.events()).toMatchObject([
    { id: "1", type: "checkout.paid", snowplow: '{"aid":"wk_web","page":"a b c"}' },
  ]);
  expect(await get("e=pv&aid=wk_web")).toEqual([400, ...image]);
  expect(await get("e=pv&eid=2")).toEqual([401, ...image]);
  expect(await get("e=pv&eid=2&aid=wk_web&aid=wk_web")).toEqual([401, ...image]);
  expect(await get("e=pv&e=pp&key=wk_web")).toEqual([400, ...image]);
  expect(await get("e=%ff&key=wk_web")).toEqual([400, ...image]);
  expect(await get("key=wk_web")).toEqual([400, ...image]);
  expect(server.journal.drafts).toHaveLength(1);
  expect((await fetch(`${server.url}/i?e=pv&eid=2&aid=wk_web`, { method: "HEAD" })).status).toBe(405);
});

test("of a batch in which some events are wrong the others are taken, and the answer keeps trackers from sending it again", async () => {
  await using server = await startTestServer();
  const reply = await post(server, [{ e: "pv", aid: "wk_web" }, { e: "pv", co: { a: 1 } }, 5, { e: "ue", ue_pr: "{" }]);
  expect(reply.status).toBe(200);
  expect(await reply.text()).toMatch(/^3 of the 4 events are not valid\. .*"co" holds an object/);
  expect(server.quarantine.entries.map(({ reasons }) => reasons[0])).toMatchObject([
    { code: "type" },
    { code: "type" },
    { code: "invalid_json" },
  ]);
  expect(await codeOf(await post(server, [{ e: "xx", aid: "wk_web" }]))).toEqual([400, "events_invalid"]);
});

test("a body that is no envelope is told how it should be", async () => {
  await using server = await startTestServer({ http: { maxEventsPerRequest: 2 } });
  const refusal = async (body: string | unknown[], type = "application/json") =>
    codeOf(await post(server, body, { "x-write-key": "wk_web", "content-type": type }));
  expect(await refusal("")).toEqual([400, "empty_body"]);
  expect(await refusal("{")).toEqual([400, "invalid_json"]);
  expect(await refusal('{"data":[{"e":"pv"},{"e":}]}')).toEqual([400, "invalid_json"]);
  expect(await refusal("[]")).toEqual([400, "no_events"]);
  expect(await refusal('{"data":{}}')).toEqual([400, "no_events"]);
  expect(await refusal([])).toEqual([400, "no_events"]);
  expect(await refusal([{}, {}, {}])).toEqual([413, "too_many_events"]);
  expect(await refusal([{}], "application/xml")).toEqual([415, "unsupported_media_type"]);
  expect(server.journal.drafts).toHaveLength(0);
});

test("a path of the source's own takes events without a key, and a source without the protocol none", async () => {
  await using server = await startTestServer({
    web: { protocols: ["native"] },
    sources: [{ name: "shop", keys: ["wk_shop"], paths: { "/js/t": TP2, "/js/p": "/i" } }],
  });
  const body = JSON.stringify({ schema: PAYLOAD, data: [{ e: "pv" }] });
  const own = await fetch(`${server.url}/js/t`, { method: "POST", body, headers: { "content-type": "text/plain" } });
  const image = await fetch(`${server.url}/js/p?e=pv`);
  expect([own.status, image.status]).toEqual([200, 200]);
  expect(server.journal.events().map(({ source }) => source)).toEqual(["shop", "shop"]);
  expect(await codeOf(await post(server, [{ e: "pv", aid: "wk_web" }]))).toEqual([403, "protocol_disabled"]);
});

test("the address of who asks for anonymity is not recorded, and pages of listed origins may ask", async () => {
  const origin = "https://shop.example";
  await using server = await startTestServer({ web: { origins: [origin], clientIp: "full" } });
  await post(server, [{ e: "pv", aid: "wk_web" }]);
  await post(server, [{ e: "pv", aid: "wk_web" }], { "sp-anonymous": "*" });
  expect(server.journal.events().map(({ clientip }) => clientip)).toEqual(["127.0.0.1", undefined]);
  const preflight = await fetch(`${server.url}${TP2}`, { method: "OPTIONS", headers: { origin } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-credentials")).toBe("true");
  expect(preflight.headers.get("access-control-allow-headers")).toContain("SP-Anonymous");
  const reply = await post(server, [{ e: "pv", aid: "wk_web" }], { origin });
  expect(reply.headers.get("access-control-allow-origin")).toBe(origin);
  expect((await post(server, [{ e: "pv", aid: "wk_web" }], { origin: "https://evil.example" })).status).toBe(403);
});

test("events that are not delivered in time are answered 202", async () => {
  await using server = await startTestServer();
  const statuses = async () => [
    (await post(server, [{ e: "pv", aid: "wk_web" }], {}, "?ack=delivered")).status,
    (await fetch(`${server.url}/i?e=pv&aid=wk_web&ack=delivered`)).status,
  ];
  expect(await statuses()).toEqual([200, 200]);
  server.deliveries.outcome = "timeout";
  expect(await statuses()).toEqual([202, 202]);
});

test("an event lands the same natively, from a tracker and from an image", async () => {
  await using server = await startTestServer();
  const [id, type, time] = ["e-1", "checkout.paid", "2026-01-31T12:00:00.000Z"];
  const data = '{"total": 24.50, "items": [{"sku": "mug"}]}';
  const schema = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0";
  const described = `{"schema":"${schema}","data":{"schema":"iglu:com.acme/${type}/jsonschema/1-0-0","data":${data}}}`;
  await fetch(`${server.url}/v1/events?key=wk_web`, {
    method: "POST",
    body: `{"id":"${id}","type":"${type}","time":"${time}","data":${data}}`,
  });
  await post(server, [{ e: "ue", eid: id, ttm: String(Date.parse(time)), aid: "wk_web", ue_pr: described }]);
  const query = new URLSearchParams({ key: "wk_web", id, type, time, data });
  await fetch(`${server.url}/v1/pixel.gif?${query.toString()}`);
  const events = server.journal.events();
  expect(events).toHaveLength(3);
  for (const event of events) expect(event).toMatchObject({ id, type, time, data: JSON.parse(data) as object });
  for (const { body } of server.journal.drafts) expect(body.toString()).toContain(`"data":${data}`);
});

test("a body whose events are longer than it is is read to its end", async () => {
  await using server = await startTestServer();
  // 110 KB of parameters make 290 KB of events, more than one slice.
  const reply = await post(
    server,
    Array.from({ length: 9_990 }, () => ({ e: "pv" })),
    { "x-write-key": "wk_web" },
  );
  expect([reply.status, server.journal.drafts.length]).toEqual([200, 9_990]);
});

test("what cannot be an event is answered as such over HTTP, byte for byte as it comes", async () => {
  await using server = await startTestServer();
  const status = async (target: string) =>
    (await server.raw(`GET ${target} HTTP/1.1\r\nHost: a\r\nX-Write-Key: wk_web\r\nConnection: close\r\n\r\n`)).slice(
      9,
      12,
    );
  expect(await status("/i?e=pv&%")).toBe("400");
  expect(await status("/i?&&=&e=pv")).toBe("200");
  expect(await status('/i?e=pv&<>"{}|^`[]')).toBe("200");
  expect(await status("/i??e=pv")).toBe("400");
  expect(await status("/i?")).toBe("400");
});
