import { hash } from "node:crypto";
import { z } from "zod";
import type { CollectedEvent } from "../core/event.ts";
import { JSON_POINTER, pointerSteps, textAt } from "../core/event-value.ts";

/**
 * What SQS and SNS take as MessageGroupId and MessageDeduplicationId
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html):
 * up to 128 letters, digits and ASCII punctuation.
 */
const PLAIN_ID = /^[!-~]{1,128}$/;

const GROUP = new RegExp(`^source$|${JSON_POINTER.source}`);

/** The `messageGroup` of a sink for FIFO queues or topics. */
export const messageGroupField = z
  .string()
  .regex(GROUP, "`source`, or a JSON Pointer such as /data/userId")
  .default("source")
  .describe(
    "For FIFO only: what keeps its order. `source`: all events of a source. A JSON Pointer: events with an equal value there; events without one go by their id.",
  );

/** What a FIFO destination needs to know of a message. */
export interface FifoIds {
  readonly MessageGroupId: string;
  /** Messages with an equal one within five minutes are one message. */
  readonly MessageDeduplicationId: string;
}

export function fifoIdsOf(messageGroup: string): (event: CollectedEvent) => FifoIds {
  const steps = messageGroup === "source" ? undefined : pointerSteps(messageGroup);
  return (event) => ({
    MessageGroupId: plainId(steps === undefined ? event.source : (textAt(event, steps) ?? event.id)),
    // An id is its source's own: two sources may use the same one for different events.
    MessageDeduplicationId: plainId(`${event.source}/${event.id}`),
  });
}

/** The text, or a hash of it where the service would not take it. */
function plainId(text: string): string {
  return PLAIN_ID.test(text) ? text : hash("sha256", text.toWellFormed());
}
