import { expect, test } from "vitest";
import { readFailedCall } from "../../aws/failed-call.ts";
import { collectedEvents } from "../sink-fixture.ts";
import { EVENTBRIDGE_ERRORS, readPutEventsReply } from "./response.ts";

const TAKEN = { EventId: "e" };
const DELIVERED = { kind: "delivered" };

function read(reply: unknown) {
  return readPutEventsReply(Buffer.from(JSON.stringify(reply)), collectedEvents(2));
}

test.each([
  [{ ErrorCode: "ThrottlingException", ErrorMessage: "Rate exceeded" }, "retryable"],
  [{ ErrorCode: "InternalFailure", ErrorMessage: "Unexpected" }, "retryable"],
  [{ ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized" }, "retryable"],
  [{ ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Source is not valid." }, "retryable"],
  [{ ErrorCode: "InvalidArgument", ErrorMessage: "Parameter Detail is not valid." }, "rejected"],
  [{ ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." }, "rejected"],
  [{}, "retryable"],
])("an event with the entry %j is %s, and its neighbour is delivered", (entry, kind) => {
  expect(read({ Entries: [TAKEN, entry] })).toMatchObject({ kind: "partial", fates: [DELIVERED, { kind }] });
});

test("all confirmed is delivered", () => {
  expect(read({ FailedEntryCount: 0, Entries: [TAKEN, TAKEN] })).toEqual(DELIVERED);
});

test.each(["text", {}, { Entries: [TAKEN] }, { FailedEntryCount: 1, Entries: [TAKEN, TAKEN] }])(
  "%j confirms nothing",
  (reply) => {
    expect(read(reply)).toMatchObject({ kind: "retryable" });
  },
);

test("a call that is too large is refused, one for a bus that is not there is not", () => {
  const tooLarge = {
    code: "ValidationException",
    message: "Total size of the entries in the request is over the limit.",
  };
  expect(readFailedCall(400, tooLarge, EVENTBRIDGE_ERRORS)).toMatchObject({ kind: "refused" });
  const missing = { code: "ResourceNotFoundException", message: "Event bus x does not exist." };
  expect(readFailedCall(400, missing, EVENTBRIDGE_ERRORS)).toMatchObject({ kind: "retryable" });
});
