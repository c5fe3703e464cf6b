import { z } from "zod";
import { endpointField, manyInFlightField } from "../../aws/config-fields.ts";
import { messageGroupField } from "../../aws/fifo.ts";
import { batchField, sinkFields } from "../../core/config-fields.ts";

/**
 * What PublishBatch takes (https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html): ten
 * messages, of 256 KiB each and in all, attributes included; up to 1 MiB where the topic's
 * MaximumMessageSize is raised.
 */
const MAX_MESSAGES_PER_CALL = 10;
const DEFAULT_CALL_BYTES = 256 * 1024;
const MAX_CALL_BYTES = 1024 * 1024;

export const snsConfig = z.strictObject({
  ...sinkFields,
  type: z.literal("sns"),
  topicArn: z
    .string()
    .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$/, "the ARN of a topic")
    .describe("ARN of the topic. A name that ends with `.fifo` tells a FIFO topic."),
  endpoint: endpointField
    .optional()
    .describe("URL of an emulator or a VPC endpoint. Default: the region's public endpoint."),
  attributes: z
    .boolean()
    .default(true)
    .describe(
      "Whether each message has the event's `type` and `source` as message attributes, by which subscriptions filter.",
    ),
  messageGroup: messageGroupField,
  maxInFlight: manyInFlightField,
  batch: batchField({
    maxEvents: MAX_MESSAGES_PER_CALL,
    maxEventsCap: MAX_MESSAGES_PER_CALL,
    maxBytes: DEFAULT_CALL_BYTES,
    maxBytesCap: MAX_CALL_BYTES,
    maxAgeMs: 1_000,
  }).describe("When a batch is closed and sent. More than 256KiB only if the topic's MaximumMessageSize is raised."),
});

export type SnsConfig = z.infer<typeof snsConfig>;
