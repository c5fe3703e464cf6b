import { z } from "zod";
import { eventbridgeConfig } from "../sinks/eventbridge/config.ts";
import { fileConfig } from "../sinks/file/config.ts";
import { firehoseConfig } from "../sinks/firehose/config.ts";
import { kinesisConfig } from "../sinks/kinesis/config.ts";
import { memoryConfig } from "../sinks/memory/config.ts";
import { elasticsearchConfig, opensearchConfig } from "../sinks/opensearch/config.ts";
import { s3Config } from "../sinks/s3/config.ts";
import { snsConfig } from "../sinks/sns/config.ts";
import { sqsConfig } from "../sinks/sqs/config.ts";
import { notifyConfig } from "../sinks/notify/config.ts";
import { stdoutConfig } from "../sinks/stdout/config.ts";

/** Every kind of sink, told apart by `type`. */
export const sinkConfig = z.discriminatedUnion("type", [
  kinesisConfig,
  s3Config,
  opensearchConfig,
  elasticsearchConfig,
  firehoseConfig,
  sqsConfig,
  snsConfig,
  eventbridgeConfig,
  fileConfig,
  stdoutConfig,
  memoryConfig,
  notifyConfig,
]);

export type SinkConfig = z.infer<typeof sinkConfig>;
