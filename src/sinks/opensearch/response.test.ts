import { expect, test } from "vitest";
import type { Fate } from "../../core/sink.ts";
import type { ReplyHeaders } from "../../outbound/whole-reply.ts";
import { type BulkResult, readBulkReply } from "./response.ts";

const CREATED = { status: 201, _index: "e", _id: "1", result: "created" };

function failed(status: number, type: string, reason: string, cause?: string) {
  return { status, error: { type, reason, ...(cause !== undefined && { caused_by: { type: "x", reason: cause } }) } };
}

function answered(status: number, headers: ReplyHeaders, body: Buffer, count: number, tookBefore: boolean): BulkResult {
  return readBulkReply({ status, headers, body }, count, { tookBefore, nowMs: 0 });
}

function read(items: readonly object[], count = items.length, tookBefore = false): BulkResult {
  const reply = { took: 3, errors: items.some((item) => "error" in item), items: items.map((create) => ({ create })) };
  return answered(200, {}, Buffer.from(JSON.stringify(reply)), count, tookBefore);
}

function fates(...items: object[]): readonly Fate[] {
  const { receipt } = read(items);
  return receipt.kind === "partial" ? receipt.fates : items.map(() => receipt as Fate);
}

test("created is delivered, and so is what was there already, which counts as a duplicate", () => {
  expect(read([CREATED, CREATED])).toEqual({ receipt: { kind: "delivered" }, duplicates: 0, tookAny: true });
  const conflict = failed(409, "version_conflict_engine_exception", "[1]: version conflict, document already exists");
  expect(read([CREATED, conflict])).toEqual({ receipt: { kind: "delivered" }, duplicates: 1, tookAny: true });
});

test.each([
  [400, "mapper_parsing_exception", "failed to parse", 'For input string: "x"'],
  [400, "document_parsing_exception", "[1:5] failed to parse field [n]", undefined],
  [400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded", undefined],
  [400, "illegal_argument_exception", 'Document contains at least one immense term in field="a"', undefined],
])("%i %s rejects the event with the server's words, though no other got through", (status, type, reason, cause) => {
  const words = expect.stringContaining(cause?.slice(0, 16) ?? reason.slice(0, 20));
  expect(fates(failed(status, type, reason, cause))).toEqual([{ kind: "rejected", reason: words }]);
});

test.each([
  [429, "rejected_execution_exception", "rejected execution of coordinating operation", "overloaded"],
  [429, "circuit_breaking_exception", "[parent] Data too large", "overloaded"],
  [
    429,
    "cluster_block_exception",
    "index [e] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage]",
    "disk is full",
  ],
  [403, "cluster_block_exception", "index [e] blocked by: [FORBIDDEN/8/index write (api)];", "lift the block"],
  [403, "security_exception", "no permissions for [indices:data/write/bulk]", "allow the user"],
  [404, "index_not_found_exception", "no such index [e]", "millrace setup"],
  [400, "index_closed_exception", "closed", "open the index"],
  [400, "invalid_index_name_exception", "Invalid index name [E], must be lowercase", "lowercase"],
  [400, "illegal_argument_exception", "no write index is defined for alias [e]", "needs a write index"],
  [
    400,
    "validation_exception",
    "this action would add [2] shards, but this cluster has [1000]/[1000] maximum shards open",
    "delete indices",
  ],
  [
    400,
    "illegal_argument_exception",
    "Document ID is not supported in create/index operation request",
    "documentId: none",
  ],
  [503, "unavailable_shards_exception", "primary shard is not active", "is down"],
  [500, "translog_exception", "disk", "disk"],
  [409, "something_else", "conflict", "conflict"],
])(
  "%i %s is an operator's to end or passes, so the event is kept, also when others got through",
  (status, type, reason, words) => {
    const fate = { kind: "retryable", reason: expect.stringContaining(words) };
    expect(fates(failed(status, type, reason))).toEqual([fate]);
    expect(fates(CREATED, failed(status, type, reason))[1]).toEqual(fate);
  },
);

test("an error that nobody knows is the event's own when others got through, else the destination's", () => {
  const unknown = failed(400, "new_exception", "something");
  // A strict mapping may lack what every event has: that is a slip, and no event is given up over it.
  const strict = failed(400, "strict_dynamic_mapping_exception", "introduction of [a] is not allowed");
  expect(fates(strict, strict).map(({ kind }) => kind)).toEqual(["retryable", "retryable"]);
  expect(fates(strict, CREATED).map(({ kind }) => kind)).toEqual(["rejected", "delivered"]);
  expect(fates(unknown, unknown).map(({ kind }) => kind)).toEqual(["retryable", "retryable"]);
  expect(fates(unknown, CREATED).map(({ kind }) => kind)).toEqual(["rejected", "delivered"]);
  expect(read([unknown], 1, true)).toMatchObject({ receipt: { fates: [{ kind: "rejected" }] }, tookAny: false });
});

test("words that a sender put into the name of a field do not keep its event for ever", () => {
  const reason = 'Document contains at least one immense term in field="no write index is defined for alias"';
  expect(fates(failed(400, "illegal_argument_exception", reason))).toMatchObject([{ kind: "rejected" }]);
});

test("nothing is believed of a reply that is broken, cut short, of another length, or does not confirm", () => {
  const whole = JSON.stringify({ took: 1, errors: false, items: [{ create: CREATED }, { create: CREATED }] });
  for (let length = 0; length < whole.length; length += 7)
    expect(answered(200, {}, Buffer.from(whole.slice(0, length)), 2, true).receipt.kind).toBe("retryable");
  expect(read([CREATED], 2).receipt.kind).toBe("retryable");
  expect(answered(200, {}, Buffer.from("<html>"), 1, true).receipt.kind).toBe("retryable");
  expect(fates({ status: 201 }, { status: 200 }, {}, { status: 202 }).map(({ kind }) => kind)).toEqual([
    "delivered",
    "delivered",
    "retryable",
    "retryable",
  ]);
});

test.each([
  [401, { error: { type: "security_exception", reason: "missing authentication" } }, "missing or wrong"],
  [403, { message: "User: anonymous is not authorized" }, "allow the user"],
  [404, { error: { type: "index_not_found_exception", reason: "no such index" } }, "millrace setup"],
  [400, {}, "HTTP 400"],
  [400, { error: { type: "illegal_argument_exception", reason: "pipeline with id [p] does not exist" } }, "pipeline"],
  [502, {}, "HTTP 502"],
])("a request that fails with %i is kept, with words", (status, reply, words) => {
  expect(answered(status, {}, Buffer.from(JSON.stringify(reply)), 1, true).receipt).toEqual({
    kind: "retryable",
    reason: expect.stringContaining(words),
  });
});

test("one event over which a whole request fails is looked for when others get through, else all are kept", () => {
  const reply = Buffer.from(
    JSON.stringify({ error: { type: "action_request_validation_exception", reason: "1: id" } }),
  );
  expect(answered(400, {}, reply, 2, true).receipt.kind).toBe("refused");
  const each = { kind: "retryable", reason: expect.stringContaining("action_request_validation_exception") };
  expect(answered(400, {}, reply, 2, false).receipt).toEqual({ kind: "partial", fates: [each, each] });
});

test("a server that says when to come again is heard, and a request that is too large is refused", () => {
  expect(answered(429, { "retry-after": "3" }, Buffer.from("{}"), 1, true).receipt).toMatchObject({
    retryAfterMs: 3_000,
  });
  expect(answered(503, { "retry-after": "soon" }, Buffer.from(""), 1, true).receipt).not.toHaveProperty("retryAfterMs");
  expect(answered(413, {}, Buffer.from(""), 1, true).receipt.kind).toBe("refused");
});
