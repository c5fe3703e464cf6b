import { type AwsContext, openTransport } from "../../aws/open-transport.ts";
import { type ServiceDialect, ServiceSink } from "../../aws/service-sink.ts";
import { awsJson } from "../../aws/signed-transport.ts";
import { MillraceError } from "../../core/errors.ts";
import type { Sink } from "../../core/sink.ts";
import { queueRegion, type SqsConfig } from "./config.ts";
import { encodeMessages, eventBytesIn, messagesOf, sqsLimits } from "./encode.ts";
import { problemsOfQueue, readSendReply, SQS_ERRORS } from "./response.ts";

/** Delivers events to an Amazon SQS queue, standard or FIFO. */
export function createSqsSink(config: SqsConfig, context: AwsContext): Sink {
  const { name, queueUrl } = config;
  const region = queueRegion(config);
  if (region === undefined) throw new MillraceError("sink_misconfigured", `sink ${name} needs a region`);
  const look = { QueueUrl: queueUrl, AttributeNames: ["All"] };
  const dialect: ServiceDialect = {
    type: "sqs",
    limits: sqsLimits(config),
    eventBytes: (event) => eventBytesIn(config, event),
    async encode(batch) {
      const messages = messagesOf(batch, config);
      return {
        request: awsJson("AmazonSQS.SendMessageBatch", encodeMessages(messages, config), "1.0"),
        read: (reply) => readSendReply(reply, messages),
      };
    },
    errors: SQS_ERRORS,
    destination: `the queue ${queueUrl}`,
    look: awsJson("AmazonSQS.GetQueueAttributes", Buffer.from(JSON.stringify(look)), "1.0"),
    problemsOf: (body) => problemsOfQueue(body, config),
  };
  const endpoint = config.endpoint ?? new URL(queueUrl).origin;
  return new ServiceSink(name, dialect, openTransport("sqs", region, { ...config, endpoint }, context));
}
