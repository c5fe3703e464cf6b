import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Sink } from "../core/sink.ts";
import { fileConfig } from "../sinks/file/config.ts";
import { createFileSink } from "../sinks/file/sink.ts";
import { kinesisConfig } from "../sinks/kinesis/config.ts";
import { memoryConfig } from "../sinks/memory/config.ts";
import { createMemorySink } from "../sinks/memory/sink.ts";
import { stdoutConfig } from "../sinks/stdout/config.ts";
import { createStdoutSink } from "../sinks/stdout/sink.ts";

/** Every kind of sink, told apart by `type`. */
export const sinkConfig = z.discriminatedUnion("type", [kinesisConfig, fileConfig, stdoutConfig, memoryConfig]);

export type SinkConfig = z.infer<typeof sinkConfig>;

export interface SinkContext {
  readonly node: string;
  readonly slot: string;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly log: Logger;
}

/** Makes the sink a configuration describes. Loads the code of the larger ones only when they are used. */
export async function createSink(config: SinkConfig, context: SinkContext): Promise<Sink> {
  switch (config.type) {
    case "kinesis": {
      const { createKinesisSink } = await import("../sinks/kinesis/sink.ts");
      return createKinesisSink(config, context);
    }
    case "file":
      return createFileSink(config, context);
    case "stdout":
      return createStdoutSink(config, process.stdout);
    case "memory":
      return createMemorySink(config, context);
  }
}
