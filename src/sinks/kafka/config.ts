import { z } from "zod";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";
import { outboundTlsField } from "../../outbound/tls-config.ts";
import { hasPlaceholder, isTopicTemplate } from "./topic-name.ts";

const KEY = /^(id|none|(\/([^~/]|~[01])*)+)$/;
const SERVER = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/[\]]+)(:\d{1,5})?$/;

/** A broker's default for `message.max.bytes` (https://kafka.apache.org/documentation/#brokerconfigs_message.max.bytes). */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;

/** A broker takes requests of up to this many bytes: the default of `socket.request.max.bytes`. */
const MAX_REQUEST_BYTES = 100 * 1024 * 1024;

const sasl = z
  .strictObject({
    mechanism: z
      .enum(["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"])
      .describe("SASL mechanism. `plain` and `oauthbearer` show the secret to who listens, unless `tls` is set."),
    username: z.string().min(1).optional().describe("User name; not with `oauthbearer`."),
    password: z.string().min(1).optional().describe("Password; not with `oauthbearer`."),
    token: z.string().min(1).optional().describe("Bearer token; with `oauthbearer` only."),
  })
  .refine(
    ({ mechanism, username, password, token }) =>
      mechanism === "oauthbearer"
        ? token !== undefined && username === undefined && password === undefined
        : token === undefined && username !== undefined && password !== undefined,
    { error: "`oauthbearer` takes a token, every other mechanism a username and a password" },
  )
  .optional();

const fields = z.strictObject({
  ...sinkFields,
  type: z.literal("kafka"),
  bootstrapServers: z
    .array(z.string().regex(SERVER, "host:port, or a host, whose port is then 9092"))
    .min(1)
    .max(100)
    .describe("Brokers to ask for the others, as host:port."),
  topic: z
    .string()
    .refine(isTopicTemplate, {
      error:
        "a topic has 1 to 249 letters, digits, `.`, `_`, `-`, and may have {source} and {type} in it, but does not begin with {type}: senders choose it, and could name any topic",
    })
    .describe(
      "Topic to write to. With `{source}` or `{type}` in it, a topic for each value, where other characters than letters, digits, `.`, `_` and `-` become `_`. Topics are never created.",
    ),
  fallbackTopic: z
    .string()
    .refine((topic) => isTopicTemplate(topic) && !hasPlaceholder(topic), {
      error: "a topic has 1 to 249 letters, digits, `.`, `_`, `-`",
    })
    .optional()
    .describe("Where events go whose topic does not exist. Needed when `topic` has `{source}` or `{type}` in it."),
  key: z
    .string()
    .regex(KEY, "`id`, `none`, or a JSON Pointer such as /data/userId")
    .default("id")
    .describe(
      "Key of a record, by whose hash Kafka's own clients choose the partition too. `id`: the event's id. `none`: no key, a partition for each batch at random. A JSON Pointer: the value there, so that equal values keep their order; events without one have no key.",
    ),
  headers: z
    .enum(["cloudevents", "none"])
    .default("cloudevents")
    .describe(
      "`cloudevents`: content-type, ce_id, ce_type and ce_source, so that consumers can tell repeats and route without parsing. `none`: no headers.",
    ),
  compression: z
    .enum(["none", "gzip", "snappy", "lz4", "zstd"])
    .default("none")
    .describe("How batches are compressed. Consumers must know it: some clients need a plug-in for all but gzip."),
  acks: z
    .enum(["all", "leader"])
    .default("all")
    .describe(
      "When an event counts as delivered. `all`: every replica in sync has it. `leader`: one broker has it, and can lose it.",
    ),
  maxMessageBytes: byteSize({ min: 1024, max: MAX_REQUEST_BYTES })
    .prefault(DEFAULT_MAX_MESSAGE_BYTES)
    .describe(
      "The topic's max.message.bytes. What goes to one partition at a time stays within it, counted before compression; an event that does not is dead-lettered.",
    ),
  clientId: z
    .string()
    .regex(/^[\w.-]{1,100}$/, "1 to 100 letters, digits, `.`, `_` and `-`")
    .default("millrace")
    .describe("Name by which the brokers' logs, metrics and quotas know the collector."),
  sasl: sasl.describe("How to log in."),
  tls: outboundTlsField.describe("Connect by TLS: `{}` with the authorities that Node trusts."),
  batch: batchField({
    maxEvents: 2_000,
    maxEventsCap: 50_000,
    maxBytes: 1024 * 1024,
    maxBytesCap: 16 * 1024 * 1024,
    maxAgeMs: 200,
  }).describe("When a batch is closed and sent."),
});

export const kafkaConfig = fields
  .refine((sink) => !hasPlaceholder(sink.topic) || sink.fallbackTopic !== undefined, {
    path: ["fallbackTopic"],
    error: "needed when `topic` has {source} or {type} in it: events whose topic does not exist would wait for ever",
  })
  .refine((sink) => hasPlaceholder(sink.topic) || sink.fallbackTopic === undefined, {
    path: ["fallbackTopic"],
    error: "has no meaning when `topic` is one topic",
  });

export type KafkaConfig = z.infer<typeof kafkaConfig>;
