import { type BaseOptions, type Producer, SASLMechanisms } from "@platformatic/kafka";
import type { TlsMaterial } from "../../outbound/tls-config.ts";
import type { KafkaConfig } from "./config.ts";

/** Long enough for a handshake across an ocean, short enough to notice a dead address. */
const CONNECT_TIMEOUT_MS = 5_000;

/** What is known of a topic's partitions is asked for again after this, or at once when a broker says that it is wrong. */
const METADATA_MAX_AGE_MS = 60_000;

/** A broker that does not answer is given up early enough to ask the one that took its place within the same write. */
const REQUEST_SHARE = 1 / 3;

/** A broker that waits for its replicas answers a little before it is given up, so that its words are heard. */
const REPLICAS_SHARE = 0.8;

const MECHANISMS = {
  plain: SASLMechanisms.PLAIN,
  "scram-sha-256": SASLMechanisms.SCRAM_SHA_256,
  "scram-sha-512": SASLMechanisms.SCRAM_SHA_512,
  oauthbearer: SASLMechanisms.OAUTHBEARER,
} as const;

/** Options of the library's clients. They do not retry: whoever uses them knows better when that is safe. */
export function clientOptions(config: KafkaConfig, tls: TlsMaterial | undefined): BaseOptions {
  const { sasl } = config;
  return {
    clientId: config.clientId,
    bootstrapBrokers: config.bootstrapServers,
    connectTimeout: Math.min(CONNECT_TIMEOUT_MS, requestTimeoutMs(config)),
    requestTimeout: requestTimeoutMs(config),
    timeout: brokerTimeoutMs(config),
    retries: 0,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    autocreateTopics: false,
    ...(tls && { tls }),
    ...(sasl && {
      sasl: {
        mechanism: MECHANISMS[sasl.mechanism],
        ...(sasl.username !== undefined && { username: sasl.username }),
        ...(sasl.password !== undefined && { password: sasl.password }),
        ...(sasl.token !== undefined && { token: sasl.token }),
      },
    }),
  };
}

/** How long a broker waits for its replicas before it answers REQUEST_TIMED_OUT. */
export function brokerTimeoutMs(config: Pick<KafkaConfig, "timeoutMs">): number {
  return Math.ceil(requestTimeoutMs(config) * REPLICAS_SHARE);
}

function requestTimeoutMs(config: Pick<KafkaConfig, "timeoutMs">): number {
  return Math.ceil(config.timeoutMs * REQUEST_SHARE);
}

type Pooled = Pick<Producer, "connections">;

/** An error of a connection is told to who waits for it. The library emits some twice, the second time to nobody. */
export function hearErrors({ connections }: Pooled): void {
  connections.on("connecting", ({ connection }: { connection: { on(event: "error", heard: () => void): unknown } }) => {
    connection.on("error", () => {});
  });
}

/** Ends every connection at once, with what is on it: `close` would wait until a stalled broker has read it. */
export function cutConnections({ connections }: Pooled): void {
  // The socket is there once a connection begins to connect, whatever the type says.
  for (const [, connection] of connections) connection.socket?.destroy();
}
