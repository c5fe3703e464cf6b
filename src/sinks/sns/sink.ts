import { arnRegion } from "../../aws/arn.ts";
import { type AwsContext, openTransport } from "../../aws/open-transport.ts";
import { type ServiceDialect, ServiceSink } from "../../aws/service-sink.ts";
import type { SignedRequest } from "../../aws/signed-transport.ts";
import { MillraceError } from "../../core/errors.ts";
import type { Sink } from "../../core/sink.ts";
import type { SnsConfig } from "./config.ts";
import { encodeLook, encodePublishBatch, eventBytesAt } from "./encode.ts";
import { problemsOfTopic, readPublishReply, SNS_ERRORS } from "./response.ts";

/** Publishes events to an Amazon SNS topic, standard or FIFO. */
export function createSnsSink(config: SnsConfig, context: AwsContext): Sink {
  const { name, topicArn, batch: limits } = config;
  const region = arnRegion(topicArn);
  if (region === undefined) throw new MillraceError("sink_misconfigured", `sink ${name} needs the ARN of a topic`);
  const dialect: ServiceDialect = {
    type: "sns",
    limits: { ...limits, maxEventBytes: limits.maxBytes },
    eventBytes: (event) => eventBytesAt(config, event),
    encode: async (batch) => ({
      request: form(encodePublishBatch(batch, config)),
      read: (reply) => readPublishReply(reply, batch),
    }),
    errors: SNS_ERRORS,
    destination: `the topic ${topicArn}`,
    look: form(encodeLook(topicArn)),
    problemsOf: (body) => problemsOfTopic(body, config),
  };
  return new ServiceSink(name, dialect, openTransport("sns", region, config, context));
}

function form(body: Buffer): SignedRequest {
  return { headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" }, body };
}
