import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";
import { segmentProtocol } from "./segment-protocol.ts";

const TRACK = { type: "track", event: "checkout.paid", messageId: "m-1", properties: { total: 1 } };

function post(
  server: TestServer,
  path: string,
  body: unknown,
  headers: Record<string, string> = { authorization: `Basic ${Buffer.from("wk_web:").toString("base64")}` },
): Promise<Response> {
  return fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function answerOf(response: Promise<Response>): Promise<unknown[]> {
  const { status, headers, ...reply } = await response.then(async (got) => ({
    status: got.status,
    headers: got.headers,
    body: (await got.json()) as Record<string, unknown>,
  }));
  return [status, headers.get("content-type"), reply.body];
}

test("every path takes what it is for, and says so as Segment does", async () => {
  await using server = await startTestServer();
  const paths = segmentProtocol.endpoints.map(({ path }) => path);
  expect(paths).toHaveLength(15);
  for (const path of paths) {
    const { type: _, ...message } = TRACK;
    const isBatch = ["/v1/batch", "/v1/b", "/v1/import"].includes(path);
    const response = post(server, path, isBatch ? { batch: [TRACK] } : message);
    expect(await answerOf(response)).toEqual([200, "application/json", { success: true }]);
  }
  const types = server.journal.events().map((event) => event["type"]);
  const singles = ["alias", "group", "identify", "page", "screen", "checkout.paid"].flatMap((type) => [type, type]);
  expect(types).toEqual([...singles, "checkout.paid", "checkout.paid", "checkout.paid"]);
});

test("the same event sent natively has the same id, type, time and data, and the same schema", async () => {
  await using server = await startTestServer();
  const time = "2026-01-31T12:00:00.5Z";
  const data = '{"total":12345678901234567890.10}';
  await post(server, "/v1/events", `{"id":"m-1","type":"checkout.paid","time":"${time}","data":${data}}`);
  const message = `"messageId":"m-1","event":"checkout.paid","timestamp":"${time}","properties":${data}`;
  await post(server, "/v1/track", `{${message}}`);
  await post(server, "/v1/batch", `{"batch":[{"type":"track",${message}}]}`);
  const same = server.journal.events().map(({ id, type, time: at, data: value }) => ({ id, type, at, value }));
  expect(same).toEqual([same[0], same[0], same[0]]);
  for (const { body } of server.journal.drafts) expect(body.toString()).toContain(data);

  const refused = await answerOf(post(server, "/v1/track", { event: "checkout.paid", properties: { total: "1" } }));
  expect(refused).toMatchObject([400, "application/problem+json", { code: "events_invalid" }]);
});

test("what is wrong with a batch is told message by message, and the others of it are taken", async () => {
  await using server = await startTestServer();
  const bad = { ...TRACK, properties: {} };
  const some = await answerOf(post(server, "/v1/batch", { batch: [TRACK, bad, 5] }));
  expect(some).toMatchObject([200, "application/json", { success: true, accepted: 1, rejected: 2 }]);
  expect(some[2]).toHaveProperty("problem", expect.stringContaining('"total" must be a number.'));
  expect(server.quarantine.entries).toHaveLength(2);

  const none = await answerOf(post(server, "/v1/batch", { batch: [bad, 5] }));
  expect(none).toMatchObject([
    400,
    "application/problem+json",
    {
      rejected: 2,
      results: [
        { index: 0, id: "m-1", pointer: "/data/total" },
        { index: 1, code: "type" },
      ],
    },
  ]);
});

test("a write key in the body is as good as one in a header, and one in a message of a batch is none", async () => {
  await using server = await startTestServer();
  const none = {};
  const text = { "content-type": "text/plain" };
  const statuses = [
    (await post(server, "/v1/t", { ...TRACK, writeKey: "wk_web" }, text)).status,
    (await post(server, "/v1/b", { batch: [TRACK], writeKey: "wk_web" }, none)).status,
    (await post(server, "/v1/b", { batch: [{ ...TRACK, writeKey: "wk_web" }] }, none)).status,
    (await post(server, "/v1/t", { ...TRACK, writeKey: "wk_nobody" }, none)).status,
    (await post(server, "/v1/t", "{", none)).status,
    // Nobody's body is looked through without limit.
    (await post(server, "/v1/b", { batch: [TRACK], writeKey: "wk_web", pad: "x".repeat(1024 ** 2) }, none)).status,
  ];
  expect(statuses).toEqual([200, 200, 401, 401, 401, 401]);
  expect(JSON.stringify(server.journal.events())).not.toContain("wk_web");
});

test("a level of acknowledgement holds here too, and one that is not reached in time is told", async () => {
  await using server = await startTestServer({ web: { ack: "delivered" } });
  expect(await answerOf(post(server, "/v1/track", TRACK))).toMatchObject([200, "application/json", { success: true }]);
  server.deliveries.outcome = "timeout";
  const late = await post(server, "/v1/track", TRACK);
  expect([late.status, late.headers.get("millrace-receipt")]).toEqual([202, "0-1"]);
  expect((await post(server, "/v1/track?ack=received", "not read before it is answered")).status).toBe(200);
});

test("a source that does not take the protocol says so, and another media type is refused", async () => {
  await using server = await startTestServer({
    sources: [{ name: "native", keys: ["wk_native"], protocols: ["native"] }],
  });
  const refused = await answerOf(post(server, "/v1/track", TRACK, { "x-write-key": "wk_native" }));
  expect(refused).toMatchObject([403, "application/problem+json", { code: "protocol_disabled" }]);
  const form = { "content-type": "application/x-www-form-urlencoded", "x-write-key": "wk_web" };
  expect((await post(server, "/v1/track", TRACK, form)).status).toBe(415);
});

test("a batch whose events are larger by far than itself is taken as a whole", async () => {
  await using server = await startTestServer();
  const batch = Array.from({ length: 1_000 }, (_, index) => ({ type: "track", event: "a", messageId: `m-${index}` }));
  const response = await post(server, "/v1/batch", { batch, context: "x".repeat(2_000) });
  expect(response.status).toBe(200);
  expect(server.journal.events().map(({ id }) => id)).toEqual(batch.map(({ messageId }) => messageId));
});
