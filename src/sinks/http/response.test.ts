import { expect, test } from "vitest";
import { type Answer, readAnswer } from "./response.ts";

const hide = (text: string) => text;
const ANYONE = { isMillrace: false, nowMs: 0, hide };
const MILLRACE = { isMillrace: true, nowMs: 0, hide };

function answer(status: number, body: unknown = "", receiver = ANYONE, headers = {}): Answer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readAnswer({ status, headers, body: Buffer.from(text) }, 3, receiver);
}

function reasonOf(given: Answer): string {
  return given.kind === "retryable" || given.kind === "refused" ? given.reason : "";
}

test.each([200, 201, 202, 204])("%i without results delivers the batch, whatever the body", (status) => {
  expect(answer(status).kind).toBe("delivered");
  expect(answer(status, "<html>thanks</html>").kind).toBe("delivered");
  expect(answer(status, { accepted: 3 }).kind).toBe("delivered");
});

test.each([408, 425, 429, 500, 502, 503, 504, 599])("%i is retried, after the pause that is asked for", (status) => {
  expect(answer(status, "busy", ANYONE, { "retry-after": "7" })).toEqual({
    kind: "retryable",
    reason: `HTTP ${status}: busy`,
    retryAfterMs: 7_000,
  });
  expect(answer(status)).toEqual({ kind: "retryable", reason: `HTTP ${status}` });
});

test.each([301, 302, 307, 308, 304, 401, 403, 404, 405, 407, 410, 415, 431])(
  "%i blames the configuration, so that events wait and the reason says what to mend",
  (status) => {
    const given = answer(status, "no", ANYONE, { location: "https://elsewhere.example/x?token=secret" });
    expect(given.kind).toBe("retryable");
    expect(reasonOf(given)).toMatch(/\(.*\w+ \w+/);
    expect(reasonOf(given)).not.toContain("secret");
  },
);

test.each([400, 409, 413, 418, 422])("%i refuses the batch, which is then bisected", (status) => {
  expect(answer(status, { title: "no", detail: "the third is bad" })).toEqual({
    kind: "refused",
    reason: `HTTP ${status}: the third is bad`,
  });
});

const RESULTS = [
  { index: 0, status: "accepted" },
  { index: 1, status: "rejected", code: "type", pointer: "/data/total", message: "must be a number" },
  { index: 2, status: "retry", message: "busy" },
];

test.each([200, 207])("with %i each event has the fate of its result", (status) => {
  expect(answer(status, { results: RESULTS })).toEqual({
    kind: "mixed",
    fates: [
      { kind: "delivered" },
      { kind: "rejected", reason: "type at /data/total: must be a number" },
      { kind: "retryable", reason: "refused by the receiver: busy" },
    ],
  });
});

test("an event that is not listed is delivered with 200, and not known with 207 and 400", () => {
  const results = RESULTS.slice(1, 2);
  const kinds = (status: number) => {
    const given = answer(status, { results });
    return given.kind === "mixed" ? given.fates.map(({ kind }) => kind) : given.kind;
  };
  expect(kinds(200)).toEqual(["delivered", "rejected", "delivered"]);
  expect(kinds(207)).toEqual(["retryable", "rejected", "retryable"]);
  expect(kinds(400)).toEqual(["retryable", "rejected", "retryable"]);
});

test("400 with results delivers nothing, whatever they say", () => {
  const given = answer(400, { results: RESULTS });
  expect(given.kind === "mixed" && given.fates[0]).toMatchObject({ kind: "retryable" });
});

test.each([
  [[{ index: 3, status: "accepted" }]],
  [[{ index: -1, status: "accepted" }]],
  [[{ index: 0.5, status: "accepted" }]],
  [[{ status: "accepted" }]],
  [
    [
      { index: 1, status: "accepted" },
      { index: 1, status: "rejected" },
    ],
  ],
  [["ok"]],
])("results that do not fit the batch are not believed: %j", (results) => {
  expect(answer(200, { results }).kind).toBe("retryable");
  expect(answer(400, { results }).kind).toBe("retryable");
});

test("a status of an event that nobody knows, and 207 without results, deliver nothing", () => {
  expect(answer(200, { results: [{ index: 0, status: "maybe" }] })).toMatchObject({
    fates: [{ kind: "retryable" }, { kind: "delivered" }, { kind: "delivered" }],
  });
  expect(answer(207, "<multistatus/>").kind).toBe("retryable");
});

test("a Millrace answers 201, 202 or 207; any other success came from something else", () => {
  expect(answer(201, "", MILLRACE).kind).toBe("delivered");
  expect(reasonOf(answer(200, "", MILLRACE))).toContain("check url");
  expect(answer(202, "", MILLRACE).kind).toBe("retryable");
});

test("what a Millrace has accepted and not delivered is awaited; what its rules drop is not", () => {
  const results = [
    { index: 0, status: "accepted", receipt: "0-7" },
    { index: 1, status: "accepted", dropped: "duplicate" },
    { index: 2, status: "rejected", code: "type" },
  ];
  for (const delivery of ["pending", "undelivered"]) {
    expect(answer(207, { delivery, results }, MILLRACE)).toEqual({
      kind: "mixed",
      fates: [{ kind: "awaited", receipt: "0-7" }, { kind: "delivered" }, { kind: "rejected", reason: "type" }],
    });
  }
  expect(answer(201, { results: results.slice(0, 2) }, MILLRACE)).toMatchObject({ kind: "delivered" });
});

test("a Millrace that refuses the level is misconfigured, one that refuses the body is not", () => {
  expect(answer(400, { code: "ack_unavailable", detail: "no" }, MILLRACE).kind).toBe("retryable");
  expect(answer(400, { code: "invalid_json", detail: "no" }, MILLRACE).kind).toBe("refused");
});

test("reasons are one short line, whatever a receiver says", () => {
  const reason = reasonOf(answer(500, `a\nb\u0000${"x".repeat(5_000)}`));
  expect(reason).toMatch(/^HTTP 500: a b x+…$/);
  expect(reason.length).toBeLessThan(300);
});

test("what a receiver says in a form of its own is quoted as it is", () => {
  expect(reasonOf(answer(422, '{ "error": "no such tenant\\/shop" }'))).toBe(
    'HTTP 422: {"error":"no such tenant/shop"}',
  );
  expect(reasonOf(answer(422, { code: "tenant_unknown" }))).toBe("HTTP 422 tenant_unknown");
  expect(reasonOf(answer(422, { error: { message: "deeper" } }))).toContain("deeper");
  expect(reasonOf(answer(422, { code: "a\nb", detail: "no" }))).toBe("HTTP 422 a b: no");
});
