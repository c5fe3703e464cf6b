import { arnRegion } from "../../aws/arn.ts";
import { type AwsContext, openTransport } from "../../aws/open-transport.ts";
import { type ServiceDialect, ServiceSink } from "../../aws/service-sink.ts";
import { awsJson } from "../../aws/signed-transport.ts";
import { MillraceError } from "../../core/errors.ts";
import type { Sink } from "../../core/sink.ts";
import type { EventbridgeConfig } from "./config.ts";
import { encodePutEvents, entryBytes } from "./encode.ts";
import { EVENTBRIDGE_ERRORS, problemsOfBus, readPutEventsReply } from "./response.ts";

/** Puts events on an Amazon EventBridge bus. */
export function createEventbridgeSink(config: EventbridgeConfig, context: AwsContext): Sink {
  const { name, bus, batch: limits } = config;
  const region = config.region ?? arnRegion(bus);
  if (region === undefined) throw new MillraceError("sink_misconfigured", `sink ${name} needs a region`);
  const dialect: ServiceDialect = {
    type: "eventbridge",
    limits: { ...limits, maxEventBytes: limits.maxBytes },
    eventBytes: (event) => entryBytes(event, config),
    encode: async (batch) => ({
      request: awsJson("AWSEvents.PutEvents", encodePutEvents(batch, config)),
      read: (reply) => readPutEventsReply(reply, batch),
    }),
    errors: EVENTBRIDGE_ERRORS,
    destination: `the event bus ${bus}`,
    look: awsJson("AWSEvents.DescribeEventBus", Buffer.from(JSON.stringify({ Name: bus }))),
    problemsOf: problemsOfBus,
  };
  return new ServiceSink(name, dialect, openTransport("events", region, config, context));
}
