import { createHmac } from "node:crypto";
import { HTTP } from "cloudevents";
import { expect, test } from "vitest";
import { HttpReceiver } from "../kit/http-receiver.ts";
import { httpConfig } from "../../src/sinks/http/config.ts";
import { createHttpSink } from "../../src/sinks/http/sink.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

function sinkFor(url: string, change: object = {}) {
  const sink = createHttpSink(httpConfig.parse({ name: "hook", type: "http", url, ...change }));
  return { sink, [Symbol.asyncDispose]: () => sink.close() };
}

function events(count: number) {
  return Array.from({ length: count }, (_, position) => ({
    position,
    id: `e${position}`,
    type: "page.viewed",
    source: "web",
    receivedMs: 0,
    bytes: Buffer.from(`{"specversion":"1.0","source":"web","id":"e${position}","type":"page.viewed","data":{"n":1}}`),
  }));
}

const { signal } = new AbortController();

test("a CloudEvents batch is one that the SDK of CloudEvents reads", async () => {
  await using receiver = await HttpReceiver.start();
  await using opened = sinkFor(receiver.url, { format: "cloudevents", compression: "zstd" });
  expect(await opened.sink.write(events(3), signal)).toEqual({ kind: "delivered" });
  const [request] = receiver.requests;
  const read = HTTP.toEvent({ headers: request?.headers ?? {}, body: request?.body.toString() ?? "" });
  expect(read).toMatchObject([{ id: "e0", type: "page.viewed", data: { n: 1 } }, { id: "e1" }, { id: "e2" }]);
});

test("method, headers, credentials and the address are as configured", async () => {
  await using receiver = await HttpReceiver.start();
  const auth = { type: "basic", user: "shop", password: "pässword" };
  await using opened = sinkFor(`${receiver.url}?tenant=7`, { method: "PUT", auth, headers: { "X-Team": "events" } });
  await opened.sink.write(events(1), signal);
  const [request] = receiver.requests;
  expect(request).toMatchObject({ method: "PUT", path: "/events?tenant=7" });
  expect(request?.headers).toMatchObject({ "content-type": "application/x-ndjson", "x-team": "events" });
  const basic = request?.headers.authorization?.slice("Basic ".length) ?? "";
  expect(Buffer.from(basic, "base64").toString()).toBe("shop:pässword");
});

test("a receiver can check the signature with one of the secrets, and knows a batch that is sent again by its id", async () => {
  await using receiver = await HttpReceiver.start();
  const secrets = ["whsec_bmV3LXNlY3JldC1vZi0yNC1ieXRlczEy", SECRET];
  await using opened = sinkFor(receiver.url, { sign: { secrets }, compression: "gzip" });
  await opened.sink.write(events(2), signal);
  await opened.sink.write(events(2), signal);
  const ids = new Set<unknown>();
  for (const { headers, body } of receiver.requests) {
    const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
    ids.add(id);
    // What the specification says a receiver does, with the payload that it parses.
    const signed = `${String(id)}.${String(timestamp)}.${body.toString()}`;
    const key = Buffer.from(SECRET.replace("whsec_", ""), "base64");
    const expected = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
    expect(String(signatures).split(" ")).toContain(expected);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(300);
  }
  expect(ids.size).toBe(1);
});

test("redirects are not followed", async () => {
  await using target = await HttpReceiver.start();
  await using receiver = await HttpReceiver.start();
  receiver.answer = () => ({ status: 307, headers: { location: target.url } });
  await using opened = sinkFor(receiver.url);
  const receipt = await opened.sink.write(events(1), signal);
  expect(receipt).toMatchObject({ kind: "retryable", reason: expect.stringContaining("not followed") });
  expect(target.requests).toEqual([]);
});

test("what a receiver says is quoted without the secrets that it was sent", async () => {
  await using receiver = await HttpReceiver.start();
  receiver.answer = ({ headers, path }) => ({ status: 401, body: `${JSON.stringify(headers)} ${path}` });
  const secret = { auth: { type: "bearer", token: "tok-1234" }, headers: { "X-Api-Key": "key-5678" } };
  await using opened = sinkFor(`${receiver.url}?code=query-9`, secret);
  const receipt = await opened.sink.write(events(1), signal);
  expect(JSON.stringify(receipt)).toContain("***");
  expect(JSON.stringify(receipt)).not.toMatch(/tok-1234|key-5678|query-9/);
});

test("a secret that is quoted where the quotation ends is not told in part", async () => {
  await using receiver = await HttpReceiver.start();
  const token = "tok-".repeat(30);
  receiver.answer = ({ headers }) => ({ status: 401, body: `${"x".repeat(150)} ${headers.authorization ?? ""}` });
  await using opened = sinkFor(receiver.url, { auth: { type: "bearer", token }, headers: { "X-Part": "tok-" } });
  const receipt = await opened.sink.write(events(1), signal);
  expect(receipt).toMatchObject({ reason: expect.stringMatching(/x \*\*\* \(/) });
});

test("a check opens a connection and sends nothing", async () => {
  await using receiver = await HttpReceiver.start();
  await using opened = sinkFor(receiver.url);
  let requests = 0;
  receiver.answer = () => {
    requests++;
    return { status: 204 };
  };
  expect(await opened.sink.check(signal)).toEqual([]);
  expect(requests).toBe(0);
});

test("a check says that a receiver is no Millrace", async () => {
  await using receiver = await HttpReceiver.start();
  await using opened = sinkFor(receiver.url, { millrace: { key: "wk_secret_key" } });
  for (const status of [204, 401, 404, 503]) {
    receiver.answer = () => ({ status, body: "no wk_secret_key" });
    const problems = await opened.sink.check(signal);
    expect(problems).toEqual([expect.stringMatching(/does not take events/)]);
    expect(problems.join()).not.toContain("wk_secret_key");
  }
});
