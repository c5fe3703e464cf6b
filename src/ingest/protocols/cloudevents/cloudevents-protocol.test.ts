import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import { rawPost, startTestServer, type TestServer } from "../../ingest-server-fixture.ts";

const REQUIRED = { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/shop", "ce-type": "order.placed" };
const COLLECTORS = {
  specversion: "1.0",
  source: "web",
  receivedtime: expect.any(String),
  clientip: expect.any(String),
  useragent: expect.any(String),
  collector: expect.any(String),
};

function post(
  server: TestServer,
  headers: Record<string, string>,
  body: string | Uint8Array<ArrayBuffer>,
  path = "/v1/cloudevents",
): Promise<Response> {
  return fetch(server.url + path, { method: "POST", headers: { "x-write-key": "wk_web", ...headers }, body });
}

async function problemOf(reply: Response): Promise<string> {
  const { code, results } = (await reply.json()) as {
    code: string;
    results?: { problems: { code: string; pointer: string }[] }[];
  };
  const problems = results?.[0]?.problems.map((each) => `${each.code} ${each.pointer}`) ?? [];
  return [reply.status, code, ...problems].join(", ");
}

test("in binary mode headers are attributes, percent-decoded, and JSON is data byte for byte", async () => {
  await using server = await startTestServer();
  const json = '{ "total" : 12345678901234567890.10 }';
  const headers = {
    ...REQUIRED,
    "ce-time": "2026-11-23T05:55:34.123456Z",
    "ce-subject": "Euro%20%E2%82%AC%20%F0%9F%98%80",
    "ce-traceparent": '"00-\\"ab\\" c"',
    "ce-share": "100%",
    "content-type": "application/vnd.shop+json; charset=utf-8",
  };
  const reply = await post(server, headers, json);
  expect([reply.status, await reply.text(), reply.headers.get("millrace-receipt")]).toEqual([201, "", "0-0"]);
  expect(server.journal.events()).toEqual([
    {
      ...COLLECTORS,
      id: "e-1",
      type: "order.placed",
      sendersource: "/shop",
      time: "2026-11-23T05:55:34.123456Z",
      subject: "Euro € 😀",
      traceparent: '00-"ab" c',
      share: "100%",
      datacontenttype: "application/vnd.shop+json; charset=utf-8",
      data: JSON.parse(json),
    },
  ]);
  expect(server.journal.drafts[0]?.body.toString()).toContain(json);
});

test.each([
  ["text/plain; charset=utf-8", Buffer.from("Grüße\n"), { data: "Grüße\n" }],
  ["text/csv;charset=ISO-8859-1", Buffer.from("Grüße", "latin1"), { data: "Grüße" }],
  ["text/plain", Buffer.from([0xff, 0xfe]), { data_base64: "//4=" }],
  ["text/plain; charset=klingon", Buffer.from("nuqneH"), { data_base64: "bnVxbmVI" }],
  ["application/octet-stream", Buffer.from("{}"), { data_base64: "e30=" }],
  ["application/json", Buffer.from("\ufeff [1,2.50]\r\n"), { data: [1, 2.5] }],
  ["text/json", Buffer.from('"a"'), { data: "a" }],
  ["application/json", Buffer.from(""), {}],
  ["", Buffer.from("{}"), { data: {} }],
  ["", Buffer.from("not JSON"), { data_base64: "bm90IEpTT04=" }],
])("in binary mode the data of %j is what the body %j means", async (type, body, expected) => {
  await using server = await startTestServer();
  // Without fetch, which always names a media type.
  const head = Object.entries(REQUIRED).map(([name, value]) => `${name}: ${value}`);
  const headers = ["Host: a", "X-Write-Key: wk_web", ...head, ...(type === "" ? [] : [`Content-Type: ${type}`])];
  const text = `POST /v1/cloudevents HTTP/1.1\r\n${headers.join("\r\n")}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  expect(await server.raw(Buffer.concat([Buffer.from(text), body]))).toMatch(/^HTTP\/1\.1 201 /);
  const [event = {}] = server.journal.events();
  const { data, data_base64, datacontenttype } = event;
  expect({ data, data_base64, datacontenttype }).toEqual({
    data: undefined,
    data_base64: undefined,
    datacontenttype: type === "" ? undefined : type,
    ...expected,
  });
});

test("a structured event and a batch are taken, with what CloudEvents requires", async () => {
  await using server = await startTestServer();
  const event = { specversion: "1.0", id: "a", source: "/shop", type: "order.placed", data: { n: 1 } };
  const one = await post(
    server,
    { "content-type": "Application/CloudEvents+JSON; charset=UTF-8" },
    JSON.stringify(event),
  );
  const two = await post(
    server,
    { "content-type": "application/cloudevents-batch+json" },
    JSON.stringify([event, { ...event, id: "b", data: undefined, data_base64: "AQI=" }]),
  );
  expect([one.status, two.status]).toEqual([201, 201]);
  expect(
    server.journal.events().map(({ id, sendersource, data, data_base64 }) => [id, sendersource, data, data_base64]),
  ).toEqual([
    ["a", "/shop", { n: 1 }, undefined],
    ["a", "/shop", { n: 1 }, undefined],
    ["b", "/shop", undefined, "AQI="],
  ]);
});

test("of a batch the valid events are taken, and what is missing in others is told", async () => {
  await using server = await startTestServer();
  const good = { specversion: "1.0", id: "a", source: "/s", type: "t" };
  const reply = await post(
    server,
    { "content-type": "application/cloudevents-batch+json" },
    JSON.stringify([good, { type: "t" }, { ...good, id: null }, { ...good, specversion: "0.3" }, 5]),
  );
  expect(reply.status).toBe(207);
  const { results } = (await reply.json()) as { results: { problems?: { code: string; pointer: string }[] }[] };
  expect(results.map(({ problems = [] }) => problems.map(({ code, pointer }) => `${code} ${pointer}`))).toEqual([
    [],
    ["required /id", "required /source", "required /specversion"],
    ["required /id"],
    ["invalid_attribute /specversion"],
    ["type "],
  ]);
  expect(server.quarantine.entries).toHaveLength(4);
});

const { "ce-id": _id, "ce-source": _source, ...WITHOUT_ID_AND_SOURCE } = REQUIRED;

test.each([
  ["no CloudEvent at all", { "content-type": "application/json" }, "{}", "400, no_events"],
  ["a format that is not JSON", { "content-type": "application/cloudevents+avro" }, "x", "415, unsupported_media_type"],
  ["XML", { ...REQUIRED, "content-type": "application/cloudevents+xml" }, "<a/>", "415, unsupported_media_type"],
  ["an array as one event", { "content-type": "application/cloudevents+json" }, "[]", "400, events_invalid"],
  ["lines as one event", { "content-type": "application/cloudevents+json" }, "{}\n{}", "400, events_invalid"],
  ["an object as a batch", { "content-type": "application/cloudevents-batch+json" }, "{}", "400, events_invalid"],
  ["an empty batch", { "content-type": "application/cloudevents-batch+json" }, "[]", "400, no_events"],
  ["broken JSON as an event", { "content-type": "application/cloudevents+json" }, "{", "400, invalid_json"],
  ["headers without id and source", WITHOUT_ID_AND_SOURCE, "{}", "400, events_invalid, required /id, required /source"],
  [
    "another version",
    { ...REQUIRED, "ce-specversion": "0.3" },
    "{}",
    "400, events_invalid, invalid_attribute /specversion",
  ],
  [
    "an overlong encoding in a header",
    { ...REQUIRED, "ce-subject": "%C0%A0" },
    "{}",
    "400, events_invalid, invalid_attribute /subject",
  ],
  [
    "the media type in two places",
    { ...REQUIRED, "ce-datacontenttype": "text/plain" },
    "{}",
    "400, events_invalid, invalid_attribute /datacontenttype",
  ],
  ["data in a header", { ...REQUIRED, "ce-data": "1" }, "{}", "400, events_invalid, invalid_attribute /data"],
  [
    "an attribute with a bad name",
    { ...REQUIRED, "ce-my_id": "1" },
    "{}",
    "400, events_invalid, invalid_attribute /my_id",
  ],
  [
    "JSON that is none",
    { ...REQUIRED, "content-type": "application/json" },
    '{"a":',
    "400, events_invalid, invalid_json /data",
  ],
  [
    "JSON that is nested too deep",
    { ...REQUIRED, "content-type": "application/json" },
    "[".repeat(40) + "]".repeat(40),
    "400, events_invalid, too_deep ",
  ],
  ["data that is too large", REQUIRED, "x".repeat(3_000), "400, events_invalid, event_too_large "],
])("%s is refused with the reason", async (_what, headers, body, expected) => {
  await using server = await startTestServer({ http: { maxEventBytes: 2_048 } });
  expect(await problemOf(await post(server, headers, body))).toBe(expected);
  expect(server.journal.drafts).toEqual([]);
});

test("what is refused for its data is kept whole in the quarantine, attributes and data", async () => {
  await using server = await startTestServer();
  await post(server, { ...REQUIRED, "content-type": "application/json" }, '{"a":');
  const [entry] = server.quarantine.entries;
  expect(JSON.parse(Buffer.from(entry?.event ?? []).toString())).toMatchObject({ id: "e-1", data: '{"a":' });
});

test("a source that does not list the protocol refuses it", async () => {
  await using server = await startTestServer({ web: { protocols: ["native"] } });
  expect(await problemOf(await post(server, REQUIRED, "{}"))).toBe("403, protocol_disabled");
});

test.each([true, false])(
  "the native path understands binary mode too, with or without the fast path for plain requests (%j), and asks for less",
  async (plainRequests) => {
    await using server = await startTestServer({ http: { plainRequests } });
    const lines = ["ce-type: order.placed", "ce-subject: a%20b", "Content-Type: application/octet-stream"];
    const answers = await server.raw(
      rawPost("[1]", lines).replace("Connection: close\r\n", "") +
        rawPost("[2]", lines).replace("Connection: close\r\n", "") +
        rawPost("[3]", ["ce-type: order.paid", "ce-specversion: 1.0", "Content-Type: application/json"]).replace(
          "Connection: close\r\n",
          "",
        ) +
        rawPost('{"type":"page.viewed"}', ["Content-Type: application/json"]),
    );
    expect(answers.match(/HTTP\/1\.1 201/g)).toHaveLength(4);
    expect(
      server.journal.events().map(({ type, subject, data, data_base64 }) => [type, subject, data, data_base64]),
    ).toEqual([
      ["order.placed", "a b", undefined, "WzFd"],
      ["order.placed", "a b", undefined, "WzJd"],
      ["order.paid", undefined, [3], undefined],
      ["page.viewed", undefined, undefined, undefined],
    ]);
  },
);

test("a structured event with headers of binary mode is read from its body, on both paths", async () => {
  await using server = await startTestServer();
  const headers = { ...REQUIRED, "content-type": "application/cloudevents+json" };
  const body = JSON.stringify({ specversion: "1.0", id: "body", source: "/s", type: "t" });
  await post(server, headers, body);
  await post(server, headers, body, "/v1/events");
  expect(server.journal.events().map(({ id }) => id)).toEqual(["body", "body"]);
});

/** OPTIONS with headers that fetch would not send. */
function ask(server: TestServer, path: string, headers: Record<string, string>): Promise<(string | undefined)[]> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(server.url + path, { method: "OPTIONS", headers }, (reply) => {
      reply.resume();
      resolve(
        ["webhook-allowed-origin", "webhook-allowed-rate", "allow"].map((name) => {
          const value = reply.headers[name];
          return typeof value === "string" ? value : undefined;
        }),
      );
    });
    asked.on("error", reject).end();
  });
}

test("who asks with a write key whether it may send events is told so, and nobody else", async () => {
  await using server = await startTestServer({
    sources: [
      { name: "shop", keys: ["wk_shop"], paths: { "/hook": "/v1/cloudevents" } },
      { name: "app", keys: ["wk_app"], protocols: ["native"] },
    ],
  });
  const asks = { "WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120" };
  const granted = ["eventgrid.azure.net", "*", "POST, OPTIONS"];
  const silent = [undefined, undefined, "POST, OPTIONS"];
  expect(await ask(server, "/v1/cloudevents?key=wk_web", asks)).toEqual(granted);
  expect(await ask(server, "/hook", asks)).toEqual(granted);
  expect(await ask(server, "/v1/cloudevents", { ...asks, Authorization: "Bearer wk_web" })).toEqual(granted);
  expect(await ask(server, "/v1/cloudevents", asks)).toEqual(silent);
  expect(await ask(server, "/v1/cloudevents?key=nobody", asks)).toEqual(silent);
  expect(await ask(server, "/v1/cloudevents?key=wk_app", asks)).toEqual(silent);
  expect(await ask(server, "/v1/cloudevents?key=wk_web", {})).toEqual(silent);
  expect(await ask(server, "/v1/cloudevents?key=wk_web", { "WebHook-Request-Origin": "a b <c>" })).toEqual(silent);
});

test("a page may send the headers of binary mode", async () => {
  await using server = await startTestServer({ web: { origins: ["https://shop.example"] } });
  const reply = await fetch(`${server.url}/v1/cloudevents?key=wk_web`, {
    method: "OPTIONS",
    headers: {
      origin: "https://shop.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "ce-id,ce-specversion, ce-tenant,content-type,cookie",
    },
  });
  const allowed = reply.headers.get("access-control-allow-headers");
  expect(allowed).toMatch(/^Authorization, .*, X-Write-Key, ce-id, ce-specversion, ce-tenant$/);
  expect(allowed).not.toContain("cookie");
});
