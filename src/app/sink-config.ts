import { z } from "zod";
import { eventbridgeConfig } from "../sinks/eventbridge/config.ts";
import { fileConfig } from "../sinks/file/config.ts";
import { firehoseConfig } from "../sinks/firehose/config.ts";
import { clickhouseConfig } from "../sinks/clickhouse/config.ts";
import { httpConfig } from "../sinks/http/config.ts";
import { kinesisConfig } from "../sinks/kinesis/config.ts";
import { memoryConfig } from "../sinks/memory/config.ts";
import { snsConfig } from "../sinks/sns/config.ts";
import { sqsConfig } from "../sinks/sqs/config.ts";
import { elasticsearchConfig, opensearchConfig } from "../sinks/opensearch/config.ts";
import { notifyConfig } from "../sinks/notify/config.ts";
import { kafkaConfig } from "../sinks/kafka/config.ts";
import { natsConfig } from "../sinks/nats/config.ts";
import { s3Config } from "../sinks/s3/config.ts";
import { stdoutConfig } from "../sinks/stdout/config.ts";

/** Every kind of sink, told apart by `type`. */
export const sinkConfig = z.discriminatedUnion("type", [
  kinesisConfig,
  firehoseConfig,
  sqsConfig,
  snsConfig,
  eventbridgeConfig,
  httpConfig,
  clickhouseConfig,
  s3Config,
  opensearchConfig,
  elasticsearchConfig,
  fileConfig,
  stdoutConfig,
  memoryConfig,
  notifyConfig,
  kafkaConfig,
  natsConfig,
]);

export type SinkConfig = z.infer<typeof sinkConfig>;
