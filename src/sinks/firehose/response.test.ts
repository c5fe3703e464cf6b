import { expect, test } from "vitest";
import { readFailedCall } from "../../aws/failed-call.ts";
import { collectedEvents } from "../sink-fixture.ts";
import { FIREHOSE_ERRORS, problemsOfStream, readPutRecordBatchReply } from "./response.ts";

const TAKEN = { RecordId: "r" };
const FAILED = { ErrorCode: "ServiceUnavailableException", ErrorMessage: "Slow down." };
const DELIVERED = { kind: "delivered" };

function read(reply: unknown) {
  return readPutRecordBatchReply(Buffer.from(JSON.stringify(reply)), [collectedEvents(2), collectedEvents(1)]);
}

test("only the events of records that failed are to be sent again", () => {
  expect(read({ FailedPutCount: 0, RequestResponses: [TAKEN, TAKEN] })).toEqual(DELIVERED);
  const retryable = { kind: "retryable", reason: expect.stringContaining("the stream is at its limit") };
  expect(read({ FailedPutCount: 1, RequestResponses: [FAILED, TAKEN] })).toEqual({
    kind: "partial",
    fates: [retryable, retryable, DELIVERED],
  });
  expect(read({ FailedPutCount: 1, RequestResponses: [TAKEN, {}] })).toMatchObject({
    fates: [DELIVERED, DELIVERED, { kind: "retryable" }],
  });
});

test.each([
  "text",
  {},
  { FailedPutCount: 0, RequestResponses: [TAKEN] },
  { FailedPutCount: 0, RequestResponses: [TAKEN, FAILED] },
  { FailedPutCount: 1, RequestResponses: [TAKEN, TAKEN] },
])("%j confirms nothing", (reply) => {
  expect(read(reply)).toMatchObject({ kind: "retryable" });
});

test.each([
  ["ResourceNotFoundException", "Firehose events not found", "retryable"],
  ["InvalidArgumentException", "DirectPut is not allowed on this stream", "retryable"],
  ["InvalidArgumentException", "Records size exceeds 4 MB limit", "refused"],
  ["AccessDeniedException", "no record of your rights", "retryable"],
])("%s with %j is %s", (code, message, kind) => {
  expect(readFailedCall(400, { code, message }, FIREHOSE_ERRORS)).toMatchObject({ kind });
});

test("a stream that another stream feeds is a problem", () => {
  const stream = { DeliveryStreamStatus: "ACTIVE", DeliveryStreamType: "KinesisStreamAsSource" };
  const problems = problemsOfStream(Buffer.from(JSON.stringify({ DeliveryStreamDescription: stream })));
  expect(problems).toEqual([expect.stringContaining("from KinesisStreamAsSource only")]);
});
