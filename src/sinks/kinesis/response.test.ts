import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readPutRecordsReply } from "./response.ts";

const TAKEN = { SequenceNumber: "49", ShardId: "shardId-000000000000" };
const THROTTLED = { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "Rate exceeded" };
const FAILED = { ErrorCode: "InternalFailure", ErrorMessage: "Internal service failure." };

/** Reads a reply to a call with two records, the first of which holds two of three events. */
function read(status: number, reply: unknown) {
  const body = Buffer.from(typeof reply === "string" ? reply : JSON.stringify(reply));
  return readPutRecordsReply(status, body, 2, Uint16Array.of(0, 0, 1));
}

test("all taken is delivered", () => {
  expect(read(200, { FailedRecordCount: 0, Records: [TAKEN, TAKEN] })).toEqual({ kind: "delivered" });
  expect(read(200, { Records: [TAKEN, TAKEN] })).toEqual({ kind: "delivered" });
  const nulls = { ...TAKEN, ErrorCode: null, ErrorMessage: null };
  expect(read(200, { FailedRecordCount: 0, Records: [nulls, nulls] })).toEqual({ kind: "delivered" });
});

test("each event has the fate of the record that holds it", () => {
  const throttled = { kind: "retryable", reason: expect.stringContaining("ProvisionedThroughputExceededException") };
  const failed = { kind: "retryable", reason: expect.stringContaining("InternalFailure") };
  const delivered = { kind: "delivered" };
  expect(read(200, { FailedRecordCount: 1, Records: [THROTTLED, TAKEN] })).toEqual({
    kind: "partial",
    fates: [throttled, throttled, delivered],
  });
  expect(read(200, { FailedRecordCount: 1, Records: [TAKEN, FAILED] })).toEqual({
    kind: "partial",
    fates: [delivered, delivered, failed],
  });
});

test.each([
  ["not JSON", "<html>OK</html>"],
  ["empty", ""],
  ["cut short", '{"FailedRecordCount":0,"Records":[{"SequenceNumber":"4'],
  ["without records", { FailedRecordCount: 0 }],
  ["too short", { FailedRecordCount: 0, Records: [TAKEN] }],
  ["too long", { FailedRecordCount: 0, Records: [TAKEN, TAKEN, TAKEN] }],
  ["counting more failures than it lists", { FailedRecordCount: 1, Records: [TAKEN, TAKEN] }],
  ["counting fewer failures than it lists", { FailedRecordCount: 0, Records: [THROTTLED, TAKEN] }],
  ["counting in words", { FailedRecordCount: "0", Records: [TAKEN, TAKEN] }],
])("a 200 that is %s confirms nothing, and all may be sent again", (_, reply) => {
  expect(read(200, reply)).toMatchObject({ kind: "retryable" });
});

test("an entry with neither sequence number nor error is not delivered", () => {
  for (const entry of [{}, null, 5, [], { SequenceNumber: "" }, { SequenceNumber: 7 }, { ...TAKEN, ErrorCode: {} }]) {
    const receipt = read(200, { Records: [TAKEN, entry] });
    expect(receipt).toMatchObject({
      kind: "partial",
      fates: [{ kind: "delivered" }, { kind: "delivered" }, { kind: "retryable" }],
    });
  }
});

test.each([
  [400, "ProvisionedThroughputExceededException"],
  [400, "LimitExceededException"],
  [400, "ResourceNotFoundException"],
  [400, "AccessDeniedException"],
  [400, "KMSAccessDeniedException"],
  [400, "KMSDisabledException"],
  [400, "ExpiredTokenException"],
  [400, "UnrecognizedClientException"],
  [403, "InvalidSignatureException"],
  [400, "UnknownOperationException"],
  [500, "InternalFailure"],
  [503, "ServiceUnavailable"],
  [400, "SomethingNewException"],
])("%i %s dead-letters nothing, and says what to do", (status, code) => {
  const receipt = read(status, { __type: `com.amazonaws.kinesis#${code}`, message: "details" });
  expect(receipt).toEqual({ kind: "retryable", reason: expect.stringMatching(new RegExp(`^${code}: .*"details"$`)) });
});

test.each([
  [301, ""],
  [404, "<html>"],
  [502, "<html>"],
  [200, "null"],
  [400, ""],
  [500, '{"__type":7}'],
])("%i with %j is retryable", (status, body) => {
  expect(read(status, body)).toMatchObject({ kind: "retryable" });
});

test.each([
  [400, { __type: "ValidationException", message: "Value 'x' at 'records.1.member.partitionKey' failed" }],
  [400, { __type: "InvalidArgumentException", message: "Records size exceeds 10 MB limit" }],
  [400, { __type: "SerializationException" }],
  [413, ""],
])("%i %j refuses the request for good", (status, reply) => {
  expect(read(status, reply)).toMatchObject({ kind: "refused" });
});

test("a refusal of the configured stream is not a refusal of the events", () => {
  const message = "1 validation error detected: Value 'a b' at 'streamName' failed to satisfy constraint";
  expect(read(400, { __type: "ValidationException", message })).toMatchObject({ kind: "retryable" });
});

test("whatever a reply holds, delivered is only what it confirms", () => {
  const entry = fc.oneof(fc.constantFrom<unknown>(TAKEN, THROTTLED, FAILED, {}, null), fc.jsonValue());
  const replies = fc.record({
    FailedRecordCount: fc.oneof(fc.nat(3), fc.jsonValue()),
    Records: fc.array(entry, { maxLength: 3 }),
  });
  const bodies = fc.oneof(
    replies.map((reply) => JSON.stringify(reply)),
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.constantFrom(200, 200, 200, 400, 403, 413, 500), bodies, (status, body) => {
      const receipt = read(status, body);
      if (receipt.kind === "retryable" || receipt.kind === "refused") return;
      const reply: { Records: ({ SequenceNumber?: string } | null)[] } = JSON.parse(body);
      const confirmed = reply.Records.map((record) => typeof record?.SequenceNumber === "string");
      const delivered = [0, 1, 2].map(
        (event) => receipt.kind === "delivered" || receipt.fates[event]?.kind === "delivered",
      );
      expect(status).toBe(200);
      expect(delivered).toEqual(
        [confirmed[0], confirmed[0], confirmed[1]].map((taken, event) => taken && delivered[event]),
      );
    }),
  );
});
