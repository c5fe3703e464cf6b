import { compressionsAlgorithms, crc32c } from "@platformatic/kafka";
import { compress } from "../../formats/compression.ts";
import type { KafkaConfig } from "./config.ts";
import { BATCH_OVERHEAD_BYTES, encodedBytes, type KafkaRecord } from "./encode.ts";
import { varintBytes, writeVarint } from "./varint.ts";

/** Who sends a batch: what the brokers know it by, and its number in the partition. */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly number: number;
}

const NOBODY: BatchIdentity = { producerId: -1n, producerEpoch: -1, number: -1 };

const MAGIC = 2;
/** Bits 0 to 2 of a batch's attributes. */
const COMPRESSION_BITS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** Where the checksum begins to count: after the base offset, length, leader epoch, magic and itself. */
const CHECKED_FROM = 21;
/** What the length does not count: the base offset and itself. */
const UNCOUNTED_BYTES = 12;

/**
 * Records as one batch of Kafka's format 2 (https://kafka.apache.org/documentation/#recordbatch).
 *
 * The library's encoder takes several times as long: it makes buffers of every field.
 */
export async function encodeBatch(
  records: readonly KafkaRecord[],
  compression: KafkaConfig["compression"],
  identity: BatchIdentity = NOBODY,
): Promise<Buffer> {
  const plain = encodeRecords(records);
  const batch =
    compression === "none"
      ? plain
      : Buffer.concat([Buffer.alloc(BATCH_OVERHEAD_BYTES), await compressed(plain, compression)]);

  const baseMs = records[0]?.timestampMs ?? 0;
  let maxMs = baseMs;
  for (const { timestampMs } of records) maxMs = Math.max(maxMs, timestampMs);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - UNCOUNTED_BYTES, 8);
  batch.writeInt32BE(0, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(COMPRESSION_BITS[compression], CHECKED_FROM);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(baseMs), 27);
  batch.writeBigInt64BE(BigInt(maxMs), 35);
  batch.writeBigInt64BE(identity.producerId, 43);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.number, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(CHECKED_FROM)), 17);
  return batch;
}

async function compressed(plain: Buffer, compression: Exclude<KafkaConfig["compression"], "none">): Promise<Buffer> {
  const records = plain.subarray(BATCH_OVERHEAD_BYTES);
  if (compression === "gzip" || compression === "zstd") return compress(records, compression);
  return compressionsAlgorithms[compression].compressSync(records);
}

/** The records one after another, behind room for what a batch begins with. */
function encodeRecords(records: readonly KafkaRecord[]): Buffer {
  let most = BATCH_OVERHEAD_BYTES;
  for (const record of records) most += encodedBytes(record);
  const target = Buffer.allocUnsafe(most);
  const baseMs = records[0]?.timestampMs ?? 0;
  let at = BATCH_OVERHEAD_BYTES;
  for (const [index, { key, value, headers, timestampMs }] of records.entries()) {
    const keyBytes = key === undefined ? varintBytes(-1) : varintBytes(key.length) + key.length;
    const valueBytes = varintBytes(value.length) + value.length;
    const placeBytes = varintBytes(timestampMs - baseMs) + varintBytes(index);
    at = writeVarint(target, at, 1 + placeBytes + keyBytes + valueBytes + headers.length);
    target[at++] = 0;
    at = writeVarint(target, at, timestampMs - baseMs);
    at = writeVarint(target, at, index);
    at = writeVarint(target, at, key === undefined ? -1 : key.length);
    if (key !== undefined) at += key.copy(target, at);
    at = writeVarint(target, at, value.length);
    at += value.copy(target, at);
    at += headers.copy(target, at);
  }
  return target.subarray(0, at);
}
