import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { channel, type ChannelConfig } from "../channel-config.ts";
import { createMessenger } from "../create-messenger.ts";
import { type Message, type Notice, linkOf } from "../notice.ts";
import { noticeOf } from "../notice-fixture.ts";
import { eventRule } from "../rule-config.ts";
import { keyOf, labelsOf } from "./alertmanager.ts";
import { slackBody } from "./slack.ts";

interface Request {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that answers with the status, and, as some do when they refuse, with what it got. */
async function receiver(status: number, headers: Record<string, string> = {}) {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push({ path: request.url ?? "", headers: request.headers, body });
      const quoted = `no_service ${request.url ?? ""} ${JSON.stringify(request.headers)}`;
      response.writeHead(status, headers).end(status === 200 ? "ok" : quoted);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const message = (...notices: Notice[]): Message => ({ id: "msg_1", notices, dropped: 0 });

async function send(settings: object, what: Message) {
  const config = channel.parse({ name: "channel", ...settings }) as Exclude<ChannelConfig, { type: "alertmanager" }>;
  const messenger = createMessenger(config, systemClock);
  try {
    return await messenger.send(what, new AbortController().signal);
  } finally {
    await messenger.close();
  }
}

test("a webhook's signature is that of Standard Webhooks, over id, time and body", async () => {
  const { requests, url } = await receiver(200);
  const secret = `whsec_${Buffer.from("a key of twenty-four byt").toString("base64")}`;
  const settings = { type: "webhook", url: `${url}/hook?a=b`, secret, headers: { authorization: "Bearer t" } };
  expect(await send(settings, message(noticeOf()))).toEqual({
    kind: "sent",
    answer: expect.stringMatching(/^HTTP 200 .*: ok$/) as string,
  });
  const [{ path, headers, body } = { path: "", headers: {}, body: "" }] = requests;
  const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
  const expected = createHmac("sha256", "a key of twenty-four byt").update(signed).digest("base64");
  expect([path, headers.authorization, headers["webhook-id"]]).toEqual(["/hook?a=b", "Bearer t", "msg_1"]);
  expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  expect(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1_000)).toBeLessThan(60);
  expect(JSON.parse(body)).toMatchObject({
    type: "millrace.alerts",
    data: {
      alerts: [{ status: "firing", rule: "js-errors", group: { "/data/release": "1.4.2" }, sampleEventId: "e1" }],
    },
  });
});

test.each([
  [404, {}, "failed"],
  [500, {}, "failed"],
  [302, { location: "/" }, "failed"],
  [400, {}, "refused"],
  [413, {}, "refused"],
])("HTTP %d is answered as %s %s", async (status, headers, kind) => {
  const { url } = await receiver(status, headers);
  const result = await send({ type: "slack", url: `${url}/services/SECRET` }, message(noticeOf()));
  expect(result).toMatchObject({ kind, reason: expect.stringContaining(`HTTP ${status}`) as string });
  expect(JSON.stringify(result)).not.toContain("SECRET");
});

test("a user and a password in a URL are sent as such, and not shown", async () => {
  const { requests, url } = await receiver(404);
  const settings = { type: "webhook", url: url.replace("//", "//ops:p%40ss@"), secret: "a secret of the tests" };
  const result = await send(settings, message(noticeOf()));
  expect(requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from("ops:p@ss").toString("base64")}`);
  expect(JSON.stringify(result)).not.toMatch(/ss@|Basic [^*]/);
});

test("a password with a % of its own is sent as it is", async () => {
  const { requests, url } = await receiver(200);
  const settings = { type: "webhook", url: url.replace("//", "//ops:100%@"), secret: "a secret of the tests" };
  expect((await send(settings, message(noticeOf()))).kind).toBe("sent");
  expect(requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from("ops:100%").toString("base64")}`);
});

test.each([{ "Content-Length": "5" }, { "content-type": "text/plain" }, { "X-A": "1\r\nX-B: 2" }])(
  "headers that would spoil the request are refused: %j",
  (headers) => {
    const settings = { name: "c", type: "webhook", url: "https://h.example", secret: "a secret of the tests" };
    expect(channel.safeParse({ ...settings, headers }).success).toBe(false);
  },
);

test("headers are not shown either", async () => {
  const { url } = await receiver(403);
  const settings = { type: "webhook", url, secret: "a secret of the tests", headers: { "x-token": "SECRET" } };
  const result = await send(settings, message(noticeOf()));
  expect(JSON.stringify(result)).toContain("***");
  expect(JSON.stringify(result)).not.toContain("SECRET");
});

test("429 is answered with how long to wait", async () => {
  const { url } = await receiver(429, { "retry-after": "30" });
  expect(await send({ type: "slack", url }, message(noticeOf()))).toMatchObject({
    kind: "failed",
    retryAfterMs: 30_000,
  });
});

test("a host that is not there is answered as failed, without the secret of the URL", async () => {
  const result = await send({ type: "slack", url: "http://127.0.0.1:9/services/SECRET" }, message(noticeOf()));
  expect(result.kind).toBe("failed");
  expect(JSON.stringify(result)).not.toContain("SECRET");
});

test("Slack gets nothing from an event that it could take for a mention, a link or formatting", () => {
  const group = [{ by: "/data/release", value: "<!channel> *bold* `x` \n<https://evil.example|ok> @here &amp;" }];
  const body = JSON.stringify(slackBody(message(noticeOf({ group }))));
  expect(body).not.toMatch(/<|>/);
  const { text: shown } = JSON.parse(body) as { text: string };
  expect(shown.split("\n")[0]).toBe(
    "`[FIRING] js-errors: /data/release = &lt;!channel&gt; *bold* 'x' &lt;https://evil.example|ok&gt; @here &amp;amp;`",
  );
});

test("a message with several alerts has a heading and a section for each, and tells what was dropped", () => {
  const resolved = noticeOf({ kind: "resolved", suppressed: 3 });
  const body = slackBody({ ...message(noticeOf(), noticeOf(), resolved), dropped: 2 }) as {
    text: string;
    blocks: object[];
  };
  expect(body.blocks).toHaveLength(5);
  expect(body.text).toContain("*Millrace: 2 FIRING, 1 RESOLVED*");
  expect(body.text).toContain("it fired 3 times since the last message and was over again");
  expect(body.text).toContain("2 earlier messages could not be sent and were dropped.");
});

test("an alert has the same labels on every node, so that Alertmanager joins them", () => {
  const here = labelsOf(noticeOf({ node: "node-a", labels: { team: "web" } }));
  const there = labelsOf(noticeOf({ node: "node-b", labels: { team: "web" }, value: 7, startedMs: 1 }));
  expect(here).toEqual({
    alertname: "js-errors",
    severity: "warning",
    job: "millrace",
    team: "web",
    data_release: "1.4.2",
  });
  expect(keyOf(there)).toBe(keyOf(here));
  expect(keyOf(labelsOf(noticeOf({ group: [] })))).not.toBe(keyOf(here));
});

test("a link is filled in with escaped values, and leaves alone what it does not know", () => {
  const link = "https://g.example/d?release={/data/release}&rule={rule}&node={node}&x={y}";
  const rule = eventRule.parse({ name: "js", when: "true", moreThan: 1, link });
  const group = [{ by: "/data/release", value: "1&2/../#" }];
  expect(linkOf(rule, "node-a", group)).toBe("https://g.example/d?release=1%262%2F..%2F%23&rule=js&node=node-a&x={y}");
});
