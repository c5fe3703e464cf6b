import { z } from "zod";
import { endpointField, manyInFlightField, regionField } from "../../aws/config-fields.ts";
import { messageGroupField } from "../../aws/fifo.ts";
import { byteSize, sinkFields } from "../../core/config-fields.ts";

/**
 * What SendMessageBatch takes
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html): ten
 * messages, of 1 MiB each and in all (256 KiB until August 2025).
 */
export const MAX_MESSAGES_PER_CALL = 10;
const MAX_CALL_BYTES = 1024 * 1024;

/** A queue's URL as AWS has it tells the region; an emulator's does not. */
const AWS_QUEUE = /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?\//;

const MAX_EVENTS_PER_MESSAGE = 1_000;

const batch = z
  .strictObject({
    maxEvents: z
      .int()
      .min(1)
      .max(MAX_MESSAGES_PER_CALL * MAX_EVENTS_PER_MESSAGE)
      .optional()
      .describe("Most events in one call. Default, and most: 10 messages of `eventsPerMessage`."),
    maxBytes: byteSize({ min: 1024, max: MAX_CALL_BYTES })
      .prefault("1MiB")
      .describe("Most bytes in one call. A larger event is dead-lettered."),
    maxAgeMs: z.int().min(1).max(900_000).default(1_000).describe("Longest wait for a partial batch, in milliseconds."),
  })
  .prefault({});

const fields = z.strictObject({
  ...sinkFields,
  type: z.literal("sqs"),
  queueUrl: z
    .url({ protocol: /^https?$/, error: "the URL of a queue" })
    .describe("URL of the queue. A name that ends with `.fifo` tells a FIFO queue."),
  region: regionField.optional().describe("AWS region of the queue. Needed unless `queueUrl` tells it."),
  endpoint: endpointField.optional().describe("URL of an emulator or a VPC endpoint. Default: the one in `queueUrl`."),
  eventsPerMessage: z
    .int()
    .min(1)
    .max(MAX_EVENTS_PER_MESSAGE)
    .default(1)
    .describe(
      "Most events in a message: with more than 1, a message holds events as lines (NDJSON). SQS bills requests of up to 64 KiB, so packing saves most of the cost.",
    ),
  messageGroup: messageGroupField,
  maxInFlight: manyInFlightField,
  batch: batch.describe("When a batch is closed and sent."),
});

export const sqsConfig = fields
  .refine((sink) => queueRegion(sink) !== undefined, {
    path: ["region"],
    error: "needed unless `queueUrl` is that of a queue at AWS",
  })
  .refine((sink) => sink.eventsPerMessage === 1 || !isFifo(sink), {
    path: ["eventsPerMessage"],
    error: "must be 1 for a FIFO queue, which tells repeated messages by the id of their event",
  })
  .refine((sink) => (sink.batch.maxEvents ?? 0) <= MAX_MESSAGES_PER_CALL * sink.eventsPerMessage, {
    path: ["batch", "maxEvents"],
    error: "at most 10 messages of `eventsPerMessage` in one call",
  });

export type SqsConfig = z.infer<typeof fields>;

export function isFifo({ queueUrl }: Pick<SqsConfig, "queueUrl">): boolean {
  return queueUrl.endsWith(".fifo");
}

export function queueRegion({ queueUrl, region }: Pick<SqsConfig, "queueUrl" | "region">): string | undefined {
  return region ?? AWS_QUEUE.exec(queueUrl)?.[1];
}
