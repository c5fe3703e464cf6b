import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { EventPortSink } from "./event-port-sink.ts";

interface Request {
  readonly url: string;
  readonly key: string;
  readonly token: string | undefined;
  readonly ids: readonly string[];
}

type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: object };

/** An event port that answers as a test says. */
async function eventPort(answer: (request: Request) => Answer) {
  const requests: Request[] = [];
  const server = createServer((incoming, outgoing) => {
    void text(incoming).then((body) => {
      const { url = "", headers } = incoming;
      const lines = body.split("\n").filter((line) => line !== "");
      const ids = lines.map((line): string => JSON.parse(line).id);
      const token = headers["millrace-replay"];
      const request = {
        url,
        key: headers.authorization ?? "",
        token: typeof token === "string" ? token : undefined,
        ids,
      };
      requests.push(request);
      const { status, headers: more, body: reply } = answer(request);
      outgoing.writeHead(status, more);
      outgoing.end(JSON.stringify(reply ?? {}));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sink = new EventPortSink({
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`),
    keys: new Map([
      ["web", "wk_web"],
      ["app", "wk_app"],
    ]),
    ack: "durable",
    token: "t0ken",
    limits: { maxEvents: 100, maxBytes: 1e6, maxEventBytes: 1e6, maxAgeMs: 10 },
    timeoutMs: 5_000,
  });
  return {
    requests,
    write: (...events: CollectedEvent[]) => sink.write(events, AbortSignal.timeout(10_000)),
    check: () => sink.check(AbortSignal.timeout(10_000)),
    async [Symbol.asyncDispose]() {
      await sink.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function event(id: string, source = "web"): CollectedEvent {
  return { position: 0, id, type: "t", source, receivedMs: 0, bytes: Buffer.from(`{"id":"${id}"}`) };
}

/** As the collector does it: every id that begins with `bad` is refused. */
function judged({ ids }: Request): Answer {
  const results = ids.map((id, index) =>
    id.startsWith("bad") ? { index, id, status: "rejected", code: "required" } : { index, id, status: "accepted" },
  );
  const valid = results.filter(({ status }) => status !== "rejected").length;
  return { status: valid === 0 ? 400 : valid < ids.length ? 207 : 201, body: { results } };
}

test("events are checked first, each with the key of its source, and only the valid ones are sent", async () => {
  await using port = await eventPort(judged);
  const receipt = await port.write(event("a"), event("bad-1"), event("b", "app"), event("bad-2", "app"));
  expect(receipt).toEqual({
    kind: "partial",
    fates: [
      { kind: "delivered" },
      { kind: "rejected", reason: "required" },
      { kind: "delivered" },
      { kind: "rejected", reason: "required" },
    ],
  });
  expect(port.requests).toEqual([
    { url: "/v1/events?validate=only", key: "Bearer wk_web", token: "t0ken", ids: ["a", "bad-1"] },
    { url: "/v1/events?ack=durable", key: "Bearer wk_web", token: "t0ken", ids: ["a"] },
    { url: "/v1/events?validate=only", key: "Bearer wk_app", token: "t0ken", ids: ["b", "bad-2"] },
    { url: "/v1/events?ack=durable", key: "Bearer wk_app", token: "t0ken", ids: ["b"] },
  ]);
});

test("a collector that has no room is asked again when it says, and what it has taken counts", async () => {
  await using full = await eventPort(() => ({
    status: 429,
    headers: { "retry-after": "7" },
    body: { code: "journal_full" },
  }));
  expect(await full.write(event("a"))).toEqual({ kind: "retryable", reason: "journal_full", retryAfterMs: 7_000 });

  await using half = await eventPort((request) => (request.url.includes("ack") ? { status: 503 } : judged(request)));
  expect(await half.write(event("a"), event("bad"))).toEqual({
    kind: "partial",
    fates: [
      { kind: "retryable", reason: "status 503" },
      { kind: "rejected", reason: "required" },
    ],
  });
});

test("an answer that does not tell of each event is no receipt", async () => {
  await using port = await eventPort(() => ({ status: 201, body: { results: [{ status: "accepted" }] } }));
  expect(await port.write(event("a"), event("b"))).toMatchObject({ kind: "retryable" });
  await using large = await eventPort(() => ({ status: 413, body: { code: "body_too_large" } }));
  expect(await large.write(event("a"), event("b"))).toEqual({ kind: "refused", reason: "body_too_large" });
});

test("a key that is not taken, and a collector that does not answer, are told before anything is sent", async () => {
  await using port = await eventPort(({ key }) =>
    key.endsWith("app") ? { status: 401, body: { detail: "The write key is not known." } } : { status: 200 },
  );
  expect(await port.check()).toEqual([
    expect.stringMatching(/does not take events of the source app: 401, The write key is not known\./),
  ]);
  const gone = new EventPortSink({
    url: new URL("http://127.0.0.1:1/v1/events"),
    keys: new Map([["web", "wk_web"]]),
    ack: "accepted",
    token: undefined,
    limits: { maxEvents: 1, maxBytes: 1, maxEventBytes: 1, maxAgeMs: 1 },
    timeoutMs: 1_000,
  });
  expect(await gone.check(AbortSignal.timeout(10_000))).toEqual([
    expect.stringMatching(/^No collector answers at http:/),
  ]);
  await gone.close();
});
