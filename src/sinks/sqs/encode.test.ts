import { expect, test } from "vitest";
import { collectedEvents } from "../sink-fixture.ts";
import { sqsConfig } from "./config.ts";
import { encodeMessages, messagesOf, sqsLimits } from "./encode.ts";

const AT_AWS = "https://sqs.eu-west-1.amazonaws.com/123456789012/events";
const LEAST = { name: "queue", type: "sqs", queueUrl: AT_AWS };

test("events become messages of so many lines, and ten messages a call", () => {
  const config = sqsConfig.parse({ ...LEAST, eventsPerMessage: 2 });
  expect(sqsLimits(config).maxEvents).toBe(20);
  const messages = messagesOf(collectedEvents(3), config);
  expect(JSON.parse(encodeMessages(messages, config).toString())).toEqual({
    QueueUrl: AT_AWS,
    Entries: [
      { Id: "0", MessageBody: '{"n":0}\n{"n":1}' },
      { Id: "1", MessageBody: '{"n":2}' },
    ],
  });
});

test("messages for a FIFO queue have a group and the event's id", () => {
  const config = sqsConfig.parse({ ...LEAST, queueUrl: `${AT_AWS}.fifo`, messageGroup: "/n" });
  const { Entries: entries } = JSON.parse(
    encodeMessages(messagesOf(collectedEvents(2), config), config).toString(),
  ) as { Entries: object[] };
  expect(entries[1]).toEqual({
    Id: "1",
    MessageBody: '{"n":1}',
    MessageGroupId: "1",
    MessageDeduplicationId: "web/id-1",
  });
});

test.each([
  ["a queue elsewhere without a region", { queueUrl: "http://127.0.0.1:9324/000000000000/events" }, "needed unless"],
  ["packed messages for a FIFO queue", { queueUrl: `${AT_AWS}.fifo`, eventsPerMessage: 2 }, "must be 1"],
  ["more events than ten messages hold", { batch: { maxEvents: 11 } }, "at most 10 messages"],
  ["what is no URL", { queueUrl: "events" }, "the URL of a queue"],
])("refuses %s", (_, change, message) => {
  const { error } = sqsConfig.safeParse({ ...LEAST, ...change });
  expect(error?.issues.map((issue) => issue.message).join()).toContain(message);
});
