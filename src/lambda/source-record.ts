/**
 * What an event source mapping invokes a function with, as far as it is read here
 * (https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html, with-msk.html).
 */
export type StreamEvent = KinesisEvent | KafkaEvent;

interface KinesisEvent {
  readonly Records: readonly {
    readonly eventID: string;
    readonly eventSourceARN: string;
    readonly kinesis: {
      /** Base64. */
      readonly data: string;
      readonly sequenceNumber: string;
      /** Unix time in seconds. */
      readonly approximateArrivalTimestamp: number;
    };
  }[];
}

interface KafkaEvent {
  /** By topic and partition. */
  readonly records: Readonly<Record<string, readonly KafkaRecord[]>>;
}

interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Unix time in milliseconds. */
  readonly timestamp: number;
  /** Base64; none in a tombstone. */
  readonly value?: string | null;
}

/**
 * Names a record in the answer: a sequence number of Kinesis, or partition and offset of Kafka
 * (https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html).
 */
export type ItemIdentifier = string | { readonly partition: string; readonly offset: number };

/** One record of a batch. */
export interface SourceRecord {
  readonly identifier: ItemIdentifier;
  /** Shard, or topic and partition. Within one, records are in order, and a retry begins at the first that failed. */
  readonly partition: string;
  readonly data: Buffer;
  /** When the stream took it, in Unix milliseconds. */
  readonly arrivedMs: number;
}

/** The records of an invocation, in order. Throws on an event of any other kind. */
export function recordsOf(event: StreamEvent): SourceRecord[] {
  if ("Records" in event && event.Records.every((record) => "kinesis" in record)) {
    return event.Records.map(({ eventID, eventSourceARN, kinesis }) => ({
      identifier: kinesis.sequenceNumber,
      // `shardId-000000000000:49590338271490256608559692538361571095921575989136588898`
      partition: `${eventSourceARN}/${eventID.split(":")[0]}`,
      data: Buffer.from(kinesis.data, "base64"),
      arrivedMs: Math.round(kinesis.approximateArrivalTimestamp * 1_000),
    }));
  }
  if (!("records" in event)) throw notAStream();
  return Object.values(event.records)
    .flat()
    .map(({ topic, partition, offset, timestamp, value }) => ({
      identifier: { partition: `${topic}-${partition}`, offset },
      partition: `${topic}-${partition}`,
      // A record without a value is a tombstone: there is no event in it.
      data: Buffer.from(value ?? "", "base64"),
      arrivedMs: timestamp,
    }));
}

function notAStream(): Error {
  return new Error(
    "this handler takes batches of Kinesis and Kafka event source mappings; the function was invoked with something else",
  );
}
