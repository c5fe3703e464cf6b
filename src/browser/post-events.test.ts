import { afterEach, expect, test, vi } from "vitest";
import { postEvents } from "./post-events.ts";

const PLAIN = { keepalive: true, withResults: false };

function answerWith(status: number, body?: unknown, headers?: Record<string, string>) {
  const fetched = vi.fn<typeof fetch>(
    async () => new Response(body === undefined ? null : JSON.stringify(body), { status, ...(headers && { headers }) }),
  );
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  [201, {}, "taken"],
  [207, { results: [{ index: 0, status: "rejected", code: "type" }] }, "taken"],
  [400, { code: "events_invalid" }, "taken"],
  [400, { code: "key_conflict" }, "refused"],
  [400, { code: "body_incomplete" }, "retry"],
  [401, {}, "refused"],
  [403, {}, "refused"],
  [408, {}, "retry"],
  [413, {}, "split"],
  [429, {}, "retry"],
  [502, {}, "retry"],
  [503, {}, "retry"],
])("after %i %j the events are: %s", async (status, body, kind) => {
  answerWith(status, body);
  expect(await postEvents("https://collector.example/", ["{}"], PLAIN)).toMatchObject({ kind });
});

test("Retry-After is heeded, and a collector that cannot be reached is tried again", async () => {
  answerWith(429, {}, { "Retry-After": "7" });
  expect(await postEvents("https://collector.example/", ["{}"], PLAIN)).toMatchObject({ notBeforeMs: 7_000 });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  expect(await postEvents("https://collector.example/", ["{}"], PLAIN)).toMatchObject({
    kind: "retry",
    notBeforeMs: 0,
  });
});

test("a request needs no preflight and no cookies, and may outlive the page; with results it does not", async () => {
  const fetched = answerWith(201);
  await postEvents("https://collector.example/", ['{"a":1}', '{"a":2}'], PLAIN);
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({
    body: '[{"a":1},{"a":2}]',
    headers: { "Content-Type": "text/plain" },
    credentials: "omit",
    keepalive: true,
  });
  await postEvents("https://collector.example/", ["{}"], { keepalive: true, withResults: true });
  expect(fetched.mock.calls[1]?.[1]).toMatchObject({ headers: { Prefer: "return=representation" }, keepalive: false });
});
