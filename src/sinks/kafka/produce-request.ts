import {
  type Connection,
  produceV3,
  produceV4,
  produceV5,
  produceV6,
  produceV7,
  produceV8,
  produceV9,
  produceV10,
  produceV11,
  Writer,
} from "@platformatic/kafka";

const API_KEY = 0;

/** From this version on lengths are varints and fields can be tagged. */
const FIRST_FLEXIBLE = 9;

/** The newest first. Brokers have known one of these since Kafka 0.11. */
const VERSIONS = [produceV11, produceV10, produceV9, produceV8, produceV7, produceV6, produceV5, produceV4, produceV3];

export type ProduceVersion = (typeof VERSIONS)[number];

/** The newest Produce request that the brokers and the library both know. Throws when there is none. */
export function produceVersion(
  apis: readonly { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[],
): ProduceVersion {
  const offered = apis.find(({ apiKey }) => apiKey === API_KEY);
  for (const version of VERSIONS) {
    const { version: number } = version.api;
    if (offered !== undefined && number >= offered.minVersion && number <= offered.maxVersion) return version;
  }
  throw new Error("the brokers speak no version of Produce that is known here: they must be Kafka 0.11 or newer");
}

export interface ProduceRequest {
  /** -1: all replicas in sync. 1: the leader. */
  readonly acks: -1 | 1;
  /** How long the broker waits for its replicas. */
  readonly timeoutMs: number;
  readonly batches: readonly { readonly topic: string; readonly partition: number; readonly bytes: Buffer }[];
}

/** Sends the batches, at most one for each partition. Resolves with the response; rejects with an error that has it, or without. */
export function sendProduce(
  connection: Connection,
  version: ProduceVersion,
  request: ProduceRequest,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const isFlexible = version.api.version >= FIRST_FLEXIBLE;
  connection.send(
    API_KEY,
    version.api.version,
    () => encodeRequest(request, isFlexible),
    version.parseResponse,
    isFlexible,
    isFlexible,
    (error: Error | null, response?: unknown) => {
      if (error === null) resolve(response);
      else reject(error);
    },
  );
  return promise;
}

function encodeRequest({ acks, timeoutMs, batches }: ProduceRequest, isFlexible: boolean): Writer {
  const topics = [...Map.groupBy(batches, ({ topic }) => topic)];
  const writer = Writer.create()
    .appendString(null, isFlexible)
    .appendInt16(acks)
    .appendInt32(timeoutMs)
    .appendArray(
      topics,
      (ofTopic, [topic, partitions]) => {
        ofTopic.appendString(topic, isFlexible).appendArray(
          partitions,
          (ofPartition, { partition, bytes }) => {
            ofPartition.appendInt32(partition).appendBytes(bytes, isFlexible);
          },
          isFlexible,
          isFlexible,
        );
      },
      isFlexible,
      isFlexible,
    );
  return isFlexible ? writer.appendTaggedFields() : writer;
}
