import { hash } from "node:crypto";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { Sink } from "../../src/core/sink.ts";
import { elasticsearchConfig, opensearchConfig } from "../../src/sinks/opensearch/config.ts";
import { createOpensearchSink } from "../../src/sinks/opensearch/sink.ts";
import { sampleEvents } from "../conformance/sink-conformance.ts";
import { startBreakableProxy } from "../kit/breakable-proxy.ts";
import { createsAll, startSearchStandIn } from "../kit/search-stand-in.ts";

const soon = () => AbortSignal.timeout(10_000);

function openSink(urls: readonly string[], change: object = {}): Sink & AsyncDisposable {
  const least = { name: "search", type: "opensearch", urls, index: "events", timeoutMs: 2_000 };
  const settings = { ...least, ...change };
  const parse = settings.type === "opensearch" ? opensearchConfig : elasticsearchConfig;
  const sink = createOpensearchSink(parse.parse(settings), {
    registry: new Registry(),
    identityProvider: async () => ({ accessKeyId: "AKTEST", secretAccessKey: "secret" }),
  });
  return Object.assign(sink, { [Symbol.asyncDispose]: () => sink.close() });
}

test("a batch is one compressed request that tells who we are", async () => {
  await using standIn = await startSearchStandIn();
  await using sink = openSink([`${standIn.url}/behind/a/proxy/`], { username: "millrace", password: "pass:word" });
  expect(await sink.write(sampleEvents(3), soon())).toEqual({ kind: "delivered" });
  expect(standIn.requests).toMatchObject([
    {
      method: "POST",
      path: expect.stringMatching(/^\/behind\/a\/proxy\/events\/_bulk\?/),
      headers: {
        authorization: `Basic ${Buffer.from("millrace:pass:word").toString("base64")}`,
        "content-encoding": "gzip",
        "content-type": "application/x-ndjson",
      },
    },
  ]);
  await using elastic = openSink([standIn.url], { type: "elasticsearch", apiKey: "aWQ6a2V5" });
  await elastic.write(sampleEvents(1), soon());
  expect(standIn.requests.at(-1)?.headers.authorization).toBe("ApiKey aWQ6a2V5");
});

test.each(["es", "aoss"])(
  "a request to AWS is signed for the service %s, with the hash of its body",
  async (service) => {
    await using standIn = await startSearchStandIn();
    await using sink = openSink([standIn.url], { aws: { region: "eu-west-1", service }, compression: "none" });
    expect(await sink.write(sampleEvents(2), soon())).toEqual({ kind: "delivered" });
    const [request] = standIn.requests;
    expect(request?.path).not.toContain("?");
    expect(request?.headers["x-amz-content-sha256"]).toBe(hash("sha256", request?.body ?? ""));
    expect(request?.headers.authorization).toMatch(
      new RegExp(`/eu-west-1/${service}/aws4_request, SignedHeaders=[^,]*x-amz-content-sha256`),
    );
  },
);

test("nodes take turns, and one that does not answer is left out until the others do not either", async () => {
  await using first = await startSearchStandIn();
  await using second = await startSearchStandIn();
  const third = await startSearchStandIn();
  await third[Symbol.asyncDispose]();
  await using sink = openSink([first.url, second.url, third.url]);
  const kinds: string[] = [];
  for (let write = 0; write < 9; write++) kinds.push((await sink.write(sampleEvents(1), soon())).kind);
  expect(kinds.filter((kind) => kind === "retryable")).toHaveLength(1);
  expect(first.requests.length + second.requests.length).toBe(8);
  expect(Math.min(first.requests.length, second.requests.length)).toBeGreaterThan(2);
});

test("a node that hangs is left out too, though it is the pipeline that gives up on it", async () => {
  await using standIn = await startSearchStandIn();
  await using hanging = await startBreakableProxy(standIn.url);
  hanging.mode = "stall";
  await using sink = openSink([hanging.url, standIn.url]);
  const gaveUp = await sink.write(sampleEvents(1), AbortSignal.timeout(50));
  expect(gaveUp.kind).toBe("retryable");
  for (let write = 0; write < 4; write++) {
    expect(await sink.write(sampleEvents(1), soon())).toEqual({ kind: "delivered" });
  }
});

test("while the cluster is overloaded the rejected events alone are sent again", async () => {
  await using standIn = await startSearchStandIn();
  await using sink = openSink([standIn.url]);
  const error = { type: "rejected_execution_exception", reason: "rejected execution of coordinating operation" };
  standIn.answer = (request) => {
    const { items } = createsAll(request).body as { items: object[] };
    items[1] = { create: { _id: "1", status: 429, error } };
    return { status: 200, body: { took: 1, errors: true, items } };
  };
  expect(await sink.write(sampleEvents(3), soon())).toMatchObject({
    kind: "partial",
    fates: [{ kind: "delivered" }, { kind: "retryable" }, { kind: "delivered" }],
  });
  standIn.answer = () => ({ status: 429, body: { error, status: 429 }, headers: { "retry-after": "7" } });
  expect(await sink.write(sampleEvents(3), soon())).toMatchObject({ kind: "retryable", retryAfterMs: 7_000 });
  expect(await sink.check(soon())).toEqual([expect.stringContaining("overloaded")]);
});
