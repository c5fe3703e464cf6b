import { gzipSync } from "node:zlib";
import { encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";

function post(server: TestServer, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/v1/records`, {
    method: "POST",
    body: Buffer.from(body),
    headers: { "content-type": "application/json", "x-write-key": "wk_web", ...headers },
  });
}

test("records come as an array, as lines, one after another, and in MessagePack", async () => {
  await using server = await startTestServer();
  const ndjson = { "content-type": "application/x-ndjson" };
  const statuses = [
    (await post(server, '[{"n":1},{"n":2}]')).status,
    (await post(server, '{"n":3}\n{"n":4}\n', ndjson)).status,
    (await post(server, '{"n":5}{"n":6}')).status,
    (await post(server, Buffer.from(encode({ n: 7 })), { "content-type": "application/msgpack" })).status,
    (await post(server, gzipSync('{"n":8}'), { "content-encoding": "gzip" })).status,
  ];
  expect(statuses).toEqual([201, 201, 201, 201, 201]);
  expect(server.journal.events().map(({ data }) => (data as { n: number }).n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("a record stays as it is, byte for byte", async () => {
  await using server = await startTestServer();
  await post(server, '[{ "@timestamp":"2026-01-31T12:00:00Z", "trace": 12345678901234567890, "a":1, "a":2 }]');
  expect(server.journal.drafts[0]?.body.toString()).toBe(
    '"type":"log","time":"2026-01-31T12:00:00Z","data":{ "@timestamp":"2026-01-31T12:00:00Z", "trace": 12345678901234567890, "a":1, "a":2 }',
  );
});

test("the type is the tag, or log, or what the source says; the tag is kept in any case", async () => {
  await using server = await startTestServer({
    sources: [{ name: "app", keys: ["wk_app"], logs: { type: "app.log", idFrom: "/id" } }],
  });
  await post(server, "{}", { "fluent-tag": "kube.app" });
  await post(server, "{}");
  await post(server, '{"id":"x"}', { "fluent-tag": "kube.app", "x-write-key": "wk_app" });
  const [tagged, plain, own] = server.journal.events();
  expect(tagged).toMatchObject({ type: "kube.app", tag: "kube.app" });
  expect(plain).toMatchObject({ type: "log" });
  expect(plain).not.toHaveProperty("tag");
  expect(own).toMatchObject({ type: "app.log", tag: "kube.app", id: "x" });
});

test.each([
  ['{"@timestamp":"2026-01-31T12:00:00.123Z","date":1}', "2026-01-31T12:00:00.123Z"],
  ['{"timestamp":"2026-01-31T12:00:00.123456789+01:00"}', "2026-01-31T12:00:00.123456789+01:00"],
  ['{"date":1769860800.000681}', "2026-01-31T12:00:00.000681Z"],
  ['{"date":"2026-01-31T12:00:00.000681Z"}', "2026-01-31T12:00:00.000681Z"],
  ['{"timestamp":"noon","time":1769860800123}', "2026-01-31T12:00:00.123Z"],
])("the time of %s is %s", async (record, time) => {
  await using server = await startTestServer();
  await post(server, record);
  expect(server.journal.events()[0]).toMatchObject({ time });
});

test("a record without a time that can be read has the received time", async () => {
  await using server = await startTestServer();
  await post(server, '[{"timestamp":"2026-01-31 12:00:00"},5]');
  for (const event of server.journal.events()) expect(event["time"]).toBe(event["receivedtime"]);
  expect(server.journal.events()).toHaveLength(2);
});

test("a request of which some is taken is answered 201, since Fluent Bit would send it all again after 207", async () => {
  await using server = await startTestServer();
  const answer = await post(server, '{"n":1}\nbroken\n', { "content-type": "application/x-ndjson" });
  expect([answer.status, answer.headers.get("millrace-receipt")]).toEqual([201, "0-0"]);
  expect(await answer.json()).toMatchObject({ accepted: 1, rejected: 1, problem: expect.stringContaining("Line 2") });
  expect([server.journal.drafts.length, server.quarantine.entries.length]).toEqual([1, 1]);
  expect((await post(server, "broken")).status).toBe(400);
});

test("201 at level delivered says that every required sink has the records, and 202 that not all do yet", async () => {
  await using server = await startTestServer({ web: { ack: "delivered" } });
  expect((await post(server, "{}")).status).toBe(201);
  server.deliveries.outcome = "timeout";
  expect((await post(server, "{}")).status).toBe(202);
});
