import { type CollectedEvent, MAX_NAME_BYTES } from "../../core/event.ts";
import type { Batch, BatchLimits } from "../../core/sink.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { type KinesisConfig, type RecordSettings, recordTargetBytes } from "./config.ts";
import { aggregatedBytes, aggregateOverhead, encodeAggregate } from "./kpl-aggregate.ts";
import { COMPRESSION_OVERHEAD, encodeLines, lineBytes } from "./ndjson-record.ts";
import { pack, type PackingRules } from "./packing.ts";
import { bucketOf, keyChoice, type KeyChoice, partitionKeyOf } from "./partition-key.ts";
import { type PooledBody, putRecordsBody } from "./put-records-body.ts";
import { MAX_CALL_BYTES, MAX_KEY_BYTES, MAX_RECORDS_PER_CALL } from "./service-limits.ts";

/** A key made by `crypto.randomUUID`. */
const UUID_BYTES = 36;

/** The body of one PutRecords call and which of its records holds which event. */
interface PutRecordsCall {
  readonly body: PooledBody;
  readonly records: number;
  /** For each event of the batch the index of its record. */
  readonly recordOf: Uint16Array;
}

/**
 * How events become the records of a PutRecords call in one format.
 *
 * Invariant: a batch within `limits`, counted by `eventBytes`, makes a call within
 * what the service takes, whatever the events are.
 */
export interface RecordEncoder {
  readonly limits: BatchLimits;
  eventBytes(event: CollectedEvent): number;
  encode(batch: Batch): Promise<PutRecordsCall>;
}

export function createEncoder(config: KinesisConfig, pool: BufferPool): RecordEncoder {
  const stream = config.stream.startsWith("arn:")
    ? `"StreamARN":${JSON.stringify(config.stream)}`
    : `"StreamName":${JSON.stringify(config.stream)}`;
  return config.format === "none"
    ? recordPerEvent(stream, config, pool)
    : packedRecords(stream, config.format, config, pool);
}

function recordPerEvent(stream: string, settings: RecordSettings, pool: BufferPool): RecordEncoder {
  const { batch, maxRecordBytes } = settings;
  const choice = keyChoice(settings.partitionKey);
  const limits = {
    maxEvents: batch.maxEvents ?? MAX_RECORDS_PER_CALL,
    maxBytes: batch.maxBytes,
    maxEventBytes: Math.min(maxRecordBytes, batch.maxBytes),
    maxAgeMs: batch.maxAgeMs,
  };
  return {
    limits,
    eventBytes: (event) => event.bytes.length + keyBytes(event, choice, limits.maxEventBytes),
    async encode(events) {
      const keys: string[] = [];
      const datas: Buffer[] = [];
      const recordOf = new Uint16Array(events.length);
      for (const event of events) {
        recordOf[keys.length] = keys.length;
        keys.push(partitionKeyOf(event, choice));
        datas.push(event.bytes);
      }
      return { body: putRecordsBody(stream, keys, datas, pool), records: events.length, recordOf };
    },
  };
}

/**
 * What the key adds to the record, in bytes. A key out of the event is counted at its
 * longest, so that the event is not parsed for it, except where that would refuse it.
 */
function keyBytes(event: CollectedEvent, choice: KeyChoice, maxEventBytes: number): number {
  switch (choice.kind) {
    case "id":
      return Buffer.byteLength(event.id);
    case "random":
      return UUID_BYTES;
    case "pointer":
      return event.bytes.length + MAX_KEY_BYTES <= maxEventBytes
        ? MAX_KEY_BYTES
        : Buffer.byteLength(partitionKeyOf(event, choice));
  }
}

function packedRecords(
  stream: string,
  format: "kpl" | "ndjson",
  settings: RecordSettings,
  pool: BufferPool,
): RecordEncoder {
  const { batch, compression, maxRecordBytes } = settings;
  const rules = packingRules(format, settings);
  // Keys of packed records are ids, UUIDs and bucket numbers, of which ids are the longest.
  const overhead = rules.overheadBytes("x".repeat(MAX_NAME_BYTES));
  const maxBytes = Math.min(batch.maxBytes, MAX_CALL_BYTES - MAX_RECORDS_PER_CALL * overhead);
  return {
    limits: {
      maxEvents: batch.maxEvents ?? 10_000,
      maxBytes,
      maxEventBytes: Math.min(maxRecordBytes - overhead, maxBytes),
      maxAgeMs: batch.maxAgeMs,
    },
    eventBytes: (event) => rules.eventBytes(event),
    async encode(batched) {
      const { records, recordOf } = pack(batched, rules);
      const keys = records.map((record) => record.key);
      const datas =
        format === "kpl"
          ? records.map(({ key, events }) => encodeAggregate(key, events))
          : await Promise.all(records.map(({ events }) => encodeLines(events, compression)));
      return { body: putRecordsBody(stream, keys, datas, pool), records: records.length, recordOf };
    },
  };
}

function packingRules(format: "kpl" | "ndjson", settings: RecordSettings): PackingRules {
  const { compression, buckets } = settings;
  const choice = keyChoice(settings.partitionKey);
  const grouping: Pick<PackingRules, "groups" | "groupOf" | "keyOf"> =
    choice.kind === "pointer"
      ? { groups: buckets, groupOf: (event) => bucketOf(event, choice.path, buckets), keyOf: (group) => String(group) }
      : { groups: 1, groupOf: () => 0, keyOf: (_, first) => partitionKeyOf(first, choice) };
  const targetBytes = recordTargetBytes(settings);
  if (format === "kpl") {
    return {
      ...grouping,
      targetBytes,
      eventBytes: (event) => aggregatedBytes(event.bytes.length),
      overheadBytes: (key) => Buffer.byteLength(key) + aggregateOverhead(Buffer.byteLength(key)),
    };
  }
  return {
    ...grouping,
    targetBytes,
    eventBytes: (event) => lineBytes(event.bytes.length, compression),
    overheadBytes: (key) => Buffer.byteLength(key) + (compression === "none" ? 0 : COMPRESSION_OVERHEAD),
  };
}
