import { describe, expect, test, vi } from "vitest";
import type { ClientOptions, ClientProblem } from "./client-options.ts";
import { createClient, QueueFullError } from "./create-client.ts";

interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly events: { readonly id: string; readonly type: string; readonly [name: string]: unknown }[];
}

/** A collector of a few lines: answers in turn, then 201 for ever; `undefined` is no answer. */
function collector(...answers: (Response | undefined)[]) {
  const requests: Sent[] = [];
  const send: typeof fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    const isZipped = headers.get("content-encoding") === "gzip";
    const stream = new Response(init.body ?? null).body;
    const text = await new Response(isZipped ? stream?.pipeThrough(new DecompressionStream("gzip")) : stream).text();
    requests.push({ url: new Request(input).url, headers, events: JSON.parse(text) as Sent["events"] });
    if (requests.length > answers.length) return new Response(undefined, { status: 201 });
    const answer = answers[requests.length - 1];
    if (answer === undefined) throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
    return answer;
  };
  return { requests, fetch: send };
}

function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ code, detail: `It is ${code}.` }), { status, headers });
}

function client(options: Partial<ClientOptions>) {
  return createClient({ url: "http://collector.test", key: "wk", minRetryDelayMs: 1, maxBatchAgeMs: 5, ...options });
}

describe("what is sent", () => {
  test("is CloudEvents with the write key, under the id that track returned", async () => {
    const { requests, fetch } = collector();
    await using sdk = client({ fetch, ack: "durable" });
    const id = sdk.track("a", { n: 1 }, { time: new Date(0), dataschema: "2", attributes: { userid: "u", id: "no" } });
    sdk.track("b", undefined, { id: "own" });
    await sdk.flush();
    expect(requests).toHaveLength(1);
    expect(requests[0]?.url).toBe("http://collector.test/v1/events?ack=durable");
    expect(requests[0]?.headers.get("authorization")).toBe("Bearer wk");
    expect(requests[0]?.events).toEqual([
      { userid: "u", id, type: "a", time: "1970-01-01T00:00:00.000Z", dataschema: "2", data: { n: 1 } },
      { id: "own", type: "b", time: expect.stringMatching(/Z$/) },
    ]);
  });

  test("goes out by itself when it is old enough, and at once when there are enough", async () => {
    const { requests, fetch } = collector();
    await using sdk = client({ fetch, maxBatchEvents: 2, maxBatchAgeMs: 20 });
    for (const n of [1, 2, 3]) sdk.track("a", n);
    expect(sdk.counts().pending).toBe(3);
    await vi.waitFor(() => expect(sdk.counts().acknowledged).toBe(3));
    expect(requests.map(({ events }) => events.length)).toEqual([2, 1]);
  });

  test("is compressed when it is large", async () => {
    const { requests, fetch } = collector();
    await using sdk = client({ fetch, gzipFromBytes: 1_000 });
    sdk.track("a", "x");
    await sdk.flush();
    sdk.track("a", "x".repeat(1_000));
    await sdk.flush();
    expect(requests.map(({ headers }) => headers.get("content-encoding"))).toEqual([null, "gzip"]);
    expect(requests[1]?.events[0]?.["data"]).toHaveLength(1_000);
  });

  test("is at most so many requests at a time", async () => {
    let underWay = 0;
    let most = 0;
    const send = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 2));
      underWay--;
      return new Response(undefined, { status: 201 });
    };
    await using sdk = client({ fetch: send, concurrency: 3, maxBatchEvents: 1 });
    for (let n = 0; n < 20; n++) sdk.track("a", n);
    expect(await sdk.flush()).toMatchObject({ acknowledged: 20, pending: 0 });
    expect(most).toBe(3);
  });
});

describe("what fails", () => {
  test("is sent again with the same ids, and told once for each attempt", async () => {
    const { requests, fetch } = collector(undefined, problem(503, "draining"));
    const told: ClientProblem[] = [];
    await using sdk = client({ fetch, onError: (each) => told.push(each) });
    const ids = [sdk.track("a"), sdk.track("a")];
    expect(await sdk.flush()).toMatchObject({ tracked: 2, acknowledged: 2 });
    expect(requests.map(({ events }) => events.map(({ id }) => id))).toEqual([ids, ids, ids]);
    expect(told).toEqual([
      { code: "no_answer", message: "fetch failed: connect ECONNREFUSED", events: 2, willRetry: true },
      { code: "draining", message: "It is draining.", status: 503, events: 2, willRetry: true },
    ]);
  });

  test("waits as long as Retry-After asks, also in other requests", async () => {
    const { requests, fetch } = collector(problem(429, "quota_exceeded", { "retry-after": "1" }));
    await using sdk = client({ fetch, concurrency: 2, maxBatchEvents: 1 });
    const start = performance.now();
    sdk.track("a", 1);
    await vi.waitFor(() => expect(requests).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    sdk.track("a", 2);
    await sdk.flush();
    expect(performance.now() - start).toBeGreaterThan(990);
    expect(requests).toHaveLength(3);
  });

  test("as too large is sent in halves", async () => {
    const { requests, fetch } = collector(problem(413, "too_many_events"), problem(413, "body_too_large"));
    await using sdk = client({ fetch });
    for (const n of [1, 2, 3, 4, 5]) sdk.track("a", n);
    expect(await sdk.flush()).toMatchObject({ acknowledged: 5 });
    expect(requests.map(({ events }) => events.map(({ data }) => data))).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3],
      [1, 2],
      [3],
      [4, 5],
    ]);
  });

  test("as compressed too well is sent plain", async () => {
    const { requests, fetch } = collector(problem(413, "inflate_ratio_exceeded"));
    await using sdk = client({ fetch, gzipFromBytes: 0 });
    sdk.track("a");
    expect(await sdk.flush()).toMatchObject({ acknowledged: 1 });
    expect(requests.map(({ headers }) => headers.get("content-encoding"))).toEqual(["gzip", null]);
  });

  test("for good is not sent again, and is a loss", async () => {
    const { requests, fetch } = collector(problem(401, "unknown_key"));
    const onError = vi.fn<(problem: ClientProblem) => void>();
    await using sdk = client({ fetch, onError });
    sdk.track("a");
    const counts = await sdk.flush();
    expect(counts).toMatchObject({ acknowledged: 0, pending: 0, dropped: { refused: 1 } });
    expect(requests).toHaveLength(1);
    expect(onError).toHaveBeenCalledExactlyOnceWith({
      code: "unknown_key",
      message: "It is unknown_key.",
      status: 401,
      events: 1,
      willRetry: false,
    });
  });

  test("for too long expires", async () => {
    const { fetch } = collector(...Array.from({ length: 1_000 }, () => undefined));
    await using sdk = client({ fetch, maxEventAgeMs: 60 });
    sdk.track("a");
    expect(await sdk.flush()).toMatchObject({ pending: 0, dropped: { expired: 1 } });
  });

  test("to be answered in time counts as unanswered, even if fetch does not heed its signal", async () => {
    const send = () => new Promise<Response>(() => {});
    const codes = new Set<string>();
    await using sdk = client({
      fetch: send,
      requestTimeoutMs: 10,
      maxEventAgeMs: 100,
      onError: ({ message }) => codes.add(message),
    });
    sdk.track("a");
    await sdk.flush();
    expect([...codes][0]).toBe("no answer within 10 ms");
  });
});

describe("what is lost", () => {
  test("is told with the next request, until one is taken", async () => {
    const { requests, fetch } = collector(problem(503, "draining"));
    await using sdk = client({ fetch, maxQueueBytes: 150 });
    const ids = [1, 2, 3, 4].map((n) => sdk.track("a", n));
    expect(new Set(ids).size).toBe(4);
    sdk.track("a", 1n);
    await sdk.flush();
    sdk.track("a", 5);
    expect(await sdk.flush()).toMatchObject({ tracked: 6, acknowledged: 2, dropped: { queue_full: 3, not_json: 1 } });
    const base = "http://collector.test/v1/events";
    const lost = `${base}?dropped=queue_full:3,not_json:1`;
    expect(requests.map(({ url }) => url)).toEqual([lost, lost, base]);
  });

  test("for want of room makes track throw for those who asked for it", async () => {
    const { fetch } = collector();
    await using sdk = client({ fetch, maxQueueBytes: 150, onFull: "reject" });
    sdk.track("a", 1);
    expect(() => sdk.track("a", 2)).toThrow(QueueFullError);
    expect(await sdk.flush()).toMatchObject({ tracked: 1, acknowledged: 1, dropped: { queue_full: 0 } });
    sdk.track("a", 2);
  });

  test("on purpose by sampling is no loss, and what is kept says how many it stands for", async () => {
    const { requests, fetch } = collector();
    await using sdk = client({ fetch, keepOneIn: { often: 4 } });
    for (let n = 0; n < 1_000; n++) sdk.track("often", n);
    sdk.track("rare");
    const { sampledOut, acknowledged } = await sdk.flush();
    expect(sampledOut + acknowledged).toBe(1_001);
    // Ten standard deviations around 750.
    expect(Math.abs(sampledOut - 750)).toBeLessThan(140);
    const rates = new Map(requests.flatMap(({ events }) => events.map((each) => [each.type, each["sampledrate"]])));
    expect(rates).toEqual(
      new Map([
        ["often", 4],
        ["rare", undefined],
      ]),
    );
  });
});

describe("close", () => {
  test("delivers what waits, then takes nothing more", async () => {
    const { fetch } = collector();
    const sdk = client({ fetch, maxBatchAgeMs: 60_000 });
    sdk.track("a");
    const closing = sdk.close();
    sdk.track("late");
    expect(await closing).toMatchObject({ undelivered: [], counts: { acknowledged: 1, dropped: { closed: 1 } } });
    expect(await sdk.close()).toEqual(await closing);
  });

  test("ends at its deadline and hands back what was not acknowledged, waiting, retried or unanswered", async () => {
    const answers = [problem(503, "draining"), new Promise<Response>(() => {})];
    const send = async () => (await answers.shift()) ?? new Response();
    const sdk = client({ fetch: send, maxBatchEvents: 1, minRetryDelayMs: 60_000, maxRetryDelayMs: 60_000 });
    const ids = [sdk.track("a", 1), sdk.track("a", 2), sdk.track("a", 3)];
    const { undelivered, counts } = await sdk.close({ deadlineMs: 50 });
    expect(undelivered.map(({ id }) => id).toSorted()).toEqual(ids);
    expect(undelivered[0]).toMatchObject({ type: "a", data: 1 });
    expect(counts).toMatchObject({ pending: 0, acknowledged: 0, dropped: { unsent: 3 } });
  });
});

test("flush ends at its deadline and leaves the rest under way", async () => {
  const { fetch } = collector(undefined, undefined, undefined);
  await using sdk = client({ fetch, minRetryDelayMs: 30 });
  sdk.track("a");
  expect(await sdk.flush({ deadlineMs: 0 })).toMatchObject({ pending: 1, acknowledged: 0 });
  expect(await sdk.flush()).toMatchObject({ pending: 0, acknowledged: 1 });
});

test("a callback that throws keeps nothing from being sent, and is told", async () => {
  const { fetch } = collector();
  const codes: string[] = [];
  await using sdk = client({
    fetch,
    onAcknowledged: () => {
      throw new Error("mistake");
    },
    onError: ({ code }) => {
      codes.push(code);
      throw new Error("another");
    },
  });
  sdk.track("a");
  expect(await sdk.flush()).toMatchObject({ acknowledged: 1 });
  expect(codes).toEqual(["callback_threw"]);
});

test.each([
  [{ url: "collector" }, "url must be one"],
  [{ url: "ftp://collector" }, "url must begin with"],
  [{ url: "https://wk@collector.test" }, "url must be without user name"],
  [{ key: "" }, "key must be"],
  [{ key: "wk\n" }, "key must be"],
  [{ maxBatchEvents: 0 }, "maxBatchEvents must be a number from 1"],
  [{ maxBatchAgeMs: Number.NaN }, "maxBatchAgeMs must be a number from 0"],
  [{ keepOneIn: 0.1 }, "keepOneIn must be a number from 1"],
  [{ keepOneIn: { a: 1.5 } }, "keepOneIn must be whole"],
])("options that make no sense, as %j, are refused with what is wrong", (options, words) => {
  expect(() => client(options)).toThrow(words);
});
