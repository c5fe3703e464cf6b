import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import type { Sink } from "../core/sink.ts";
import { createFileSink } from "../sinks/file/sink.ts";
import { createMemorySink } from "../sinks/memory/sink.ts";
import type { SendCounts } from "../sinks/notify/sink.ts";
import { createStdoutSink } from "../sinks/stdout/sink.ts";
import type { SinkConfig } from "./sink-config.ts";

export interface SinkContext {
  readonly node: string;
  readonly slot: string;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly log: Logger;
  /** Sends what a sink of type `notify` counted to where the counts of all workers are judged; absent where there is no such place. */
  readonly sendCounts?: SendCounts;
}

/** Makes the sink a configuration describes. Loads the code of the larger ones only when they are used. */
export async function createSink(config: SinkConfig, context: SinkContext): Promise<Sink> {
  switch (config.type) {
    case "kinesis": {
      const { createKinesisSink } = await import("../sinks/kinesis/sink.ts");
      return createKinesisSink(config, context);
    }
    case "s3": {
      const { createS3Sink } = await import("../sinks/s3/sink.ts");
      return createS3Sink(config, context);
    }
    case "opensearch":
    case "elasticsearch": {
      const { createOpensearchSink } = await import("../sinks/opensearch/sink.ts");
      return createOpensearchSink(config, context);
    }
    case "firehose": {
      const { createFirehoseSink } = await import("../sinks/firehose/sink.ts");
      return createFirehoseSink(config, context);
    }
    case "sqs": {
      const { createSqsSink } = await import("../sinks/sqs/sink.ts");
      return createSqsSink(config, context);
    }
    case "sns": {
      const { createSnsSink } = await import("../sinks/sns/sink.ts");
      return createSnsSink(config, context);
    }
    case "eventbridge": {
      const { createEventbridgeSink } = await import("../sinks/eventbridge/sink.ts");
      return createEventbridgeSink(config, context);
    }
    case "file":
      return createFileSink(config, context);
    case "stdout":
      return createStdoutSink(config, process.stdout);
    case "memory":
      return createMemorySink(config, context);
    case "notify": {
      const { sendCounts } = context;
      if (sendCounts === undefined) throw new MillraceError("sink_misconfigured", notHere(config.name));
      const { createNotifySink } = await import("../sinks/notify/sink.ts");
      return createNotifySink(config, { ...context, sendCounts });
    }
  }
}

function notHere(name: string): string {
  return `sink ${name}: only a running collector judges what a sink of type notify counts; name another sink here`;
}
