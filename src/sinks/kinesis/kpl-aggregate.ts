import { hash } from "node:crypto";
import type { CollectedEvent } from "../../core/event.ts";

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const MD5_BYTES = 16;

/** Field tags of the protobuf messages: field number and wire type in one byte. */
const KEY_TABLE_TAG = 0x0a;
const RECORD_TAG = 0x1a;
const KEY_INDEX_TAG = 0x08;
const DATA_TAG = 0x1a;

/**
 * Aggregates events into one record as the Kinesis Producer Library does
 * (https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md):
 * a magic number, a protobuf `AggregatedRecord`, and the MD5 of the protobuf.
 *
 * Invariant: every event carries exactly the outer partition key and no explicit hash
 * key. A consumer throws a whole aggregate away if one inner key hashes outside the
 * shard's range, so with a single key no split or merge of shards can lose events.
 */
export function encodeAggregate(partitionKey: string, events: readonly CollectedEvent[]): Buffer {
  const key = Buffer.from(partitionKey);
  let size = aggregateOverhead(key.length);
  for (const event of events) size += aggregatedBytes(event.bytes.length);

  const out = Buffer.allocUnsafe(size);
  out.set(MAGIC, 0);
  let at = MAGIC.length;
  out[at++] = KEY_TABLE_TAG;
  at = writeVarint(out, at, key.length);
  out.set(key, at);
  at += key.length;
  for (const { bytes } of events) {
    out[at++] = RECORD_TAG;
    at = writeVarint(out, at, recordBytes(bytes.length));
    out[at++] = KEY_INDEX_TAG;
    out[at++] = 0;
    out[at++] = DATA_TAG;
    at = writeVarint(out, at, bytes.length);
    out.set(bytes, at);
    at += bytes.length;
  }
  out.set(hash("md5", out.subarray(MAGIC.length, at), "buffer"), at);
  return out;
}

/** What an aggregate has besides its events, with a key of so many bytes. */
export function aggregateOverhead(keyBytes: number): number {
  return MAGIC.length + 1 + varintBytes(keyBytes) + keyBytes + MD5_BYTES;
}

/** What an event of so many bytes takes in an aggregate. */
export function aggregatedBytes(dataBytes: number): number {
  const inner = recordBytes(dataBytes);
  return 1 + varintBytes(inner) + inner;
}

/** Size of the `Record` message: a one-byte index into the key table, and the data. */
function recordBytes(dataBytes: number): number {
  return 2 + 1 + varintBytes(dataBytes) + dataBytes;
}

function varintBytes(value: number): number {
  let bytes = 1;
  while (value >= 0x80) {
    value >>>= 7;
    bytes++;
  }
  return bytes;
}

function writeVarint(out: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    out[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  out[at++] = value;
  return at;
}
