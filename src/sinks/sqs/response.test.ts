import { expect, test } from "vitest";
import { readFailedCall } from "../../aws/failed-call.ts";
import { collectedEvents } from "../sink-fixture.ts";
import { readSendReply, SQS_ERRORS } from "./response.ts";

function read(reply: unknown) {
  return readSendReply(
    Buffer.from(JSON.stringify(reply)),
    collectedEvents(2).map((event) => [event]),
  );
}

test("messages that failed are judged each on its own", () => {
  const failed = { Id: "1", Code: "InvalidMessageContents", Message: "no", SenderFault: true };
  expect(read({ Successful: [{ Id: "0", MessageId: "m" }], Failed: [failed] })).toEqual({
    kind: "partial",
    fates: [{ kind: "delivered" }, { kind: "rejected", reason: 'InvalidMessageContents: "no"' }],
  });
});

test.each(["text", { Successful: {} }, { Failed: 1 }, {}])("%j confirms nothing", (reply) => {
  expect(JSON.stringify(read(reply))).not.toContain("delivered");
});

test.each([
  ["BatchRequestTooLong", "refused"],
  ["QueueDoesNotExist", "retryable"],
  ["AccessDenied", "retryable"],
  ["RequestThrottled", "retryable"],
  ["InvalidAddress", "retryable"],
])("a call that fails with %s is %s", (code, kind) => {
  expect(readFailedCall(400, { code, message: "" }, SQS_ERRORS)).toMatchObject({ kind });
});
