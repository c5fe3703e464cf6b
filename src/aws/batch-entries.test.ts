import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { fatesOfEntries } from "./batch-entries.ts";

const NOTHING_KNOWN = { advice: {}, refusesEvents: () => false };

function events(count: number): CollectedEvent[] {
  return Array.from({ length: count }, (_, position) => ({
    position,
    id: String(position),
    type: "t",
    source: "s",
    receivedMs: 0,
    bytes: Buffer.from("{}"),
  }));
}

function read(successful: readonly object[], failed: readonly object[]) {
  const entries = {
    successful: successful.map((entry) => ({ ...entry })),
    failed: failed.map((entry) => ({ ...entry })),
  };
  return fatesOfEntries(entries, [events(2), events(1)], NOTHING_KNOWN);
}

const DELIVERED = { kind: "delivered" };

test("all confirmed is delivered, in any order", () => {
  expect(
    read(
      [
        { Id: "1", MessageId: "m" },
        { Id: "0", MessageId: "m" },
      ],
      [],
    ),
  ).toEqual(DELIVERED);
});

test("each event has the fate of its message", () => {
  const throttled = { Id: "0", Code: "RequestThrottled", Message: "slow down", SenderFault: false };
  const retryable = { kind: "retryable", reason: 'RequestThrottled: "slow down"' };
  expect(read([{ Id: "1", MessageId: "m" }], [throttled])).toEqual({
    kind: "partial",
    fates: [retryable, retryable, DELIVERED],
  });
});

test.each([
  [{ Code: "InvalidMessageContents", SenderFault: true }, "rejected"],
  [{ Code: "InvalidParameterValue", SenderFault: "true" }, "rejected"],
  [{ Code: "InvalidParameterValue", SenderFault: false }, "retryable"],
  [{ Code: "InternalError", SenderFault: false }, "retryable"],
  [{ Code: "KmsAccessDenied", SenderFault: true }, "retryable"],
  [{ Code: "MissingParameter", SenderFault: true }, "retryable"],
  [{ Code: "AWS.SimpleQueueService.NonExistentQueue", SenderFault: true }, "retryable"],
  [{ Code: "AWS.SimpleQueueService.UnsupportedOperation", SenderFault: true }, "retryable"],
  [{ SenderFault: true }, "retryable"],
  [{}, "retryable"],
])("a message that failed with %j is %s", (entry, kind) => {
  const receipt = read([{ Id: "0", MessageId: "m" }], [{ Id: "1", ...entry }]);
  expect(receipt).toMatchObject({ fates: [DELIVERED, DELIVERED, { kind }] });
});

test("a message of several events that is blamed on the sender is refused, so that halves are tried, and no neighbour is rejected", () => {
  const tooLong = { Id: "0", Code: "InvalidParameterValue", Message: "message too long", SenderFault: true };
  expect(read([{ Id: "1", MessageId: "m" }], [tooLong])).toEqual({
    kind: "refused",
    reason: 'InvalidParameterValue: "message too long"',
  });
});

test("a message that the reply does not tell of, or without an id of its own, may be sent again", () => {
  const untold = { kind: "retryable", reason: expect.stringContaining("does not confirm") };
  expect(read([{ Id: "0", MessageId: "m" }], [])).toMatchObject({ fates: [DELIVERED, DELIVERED, untold] });
  expect(read([{ Id: "0", MessageId: "m" }, { Id: "1" }], [])).toMatchObject({ fates: [DELIVERED, DELIVERED, untold] });
});

test.each([
  [[{ Id: "0", MessageId: "m" }], [{ Id: "0", Code: "InternalError" }]],
  [[{ Id: "7", MessageId: "m" }], []],
  [[{ Id: 0, MessageId: "m" }], []],
  [[{ MessageId: "m" }], []],
])("a reply that tells of %j and %j is not believed", (successful, failed) => {
  expect(read(successful, failed)).toMatchObject({ kind: "retryable" });
});
