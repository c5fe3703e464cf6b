import { expect, test } from "vitest";
import { readFailedCall } from "../../aws/failed-call.ts";
import { collectedEvents } from "../sink-fixture.ts";
import { readPublishReply, SNS_ERRORS } from "./response.ts";

function read(result: string) {
  const xml = `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${result}</PublishBatchResponse>`;
  return readPublishReply(Buffer.from(xml), collectedEvents(2));
}

const TAKEN = "<member><Id>0</Id><MessageId>m</MessageId></member>";
const FAILED =
  "<member><Id>1</Id><Code>InvalidParameter</Code><Message>a &lt; b</Message><SenderFault>true</SenderFault></member>";

test("messages that failed are judged each on its own", () => {
  const result = `<PublishBatchResult><Failed>${FAILED}</Failed><Successful>${TAKEN}</Successful></PublishBatchResult>`;
  expect(read(result)).toEqual({
    kind: "partial",
    fates: [{ kind: "delivered" }, { kind: "rejected", reason: 'InvalidParameter: "a < b"' }],
  });
});

test.each(["", "<PublishResult/>", "<PublishBatchResult/>", "<PublishBatchResult>"])(
  "%j confirms nothing",
  (result) => {
    expect(JSON.stringify(read(result))).not.toContain("delivered");
  },
);

test.each([
  ["BatchRequestTooLong", "", "refused"],
  ["InvalidParameter", "Invalid parameter: Message too long", "refused"],
  ["InvalidParameter", "Invalid parameter: TopicArn", "retryable"],
  ["NotFound", "Topic does not exist", "retryable"],
  ["AuthorizationError", "", "retryable"],
  ["Throttled", "", "retryable"],
])("a call that fails with %s %j is %s", (code, message, kind) => {
  expect(readFailedCall(400, { code, message }, SNS_ERRORS)).toMatchObject({ kind });
});
