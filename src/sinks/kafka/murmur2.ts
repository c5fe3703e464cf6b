const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/**
 * MurmurHash2 as Kafka's Java client has it (`org.apache.kafka.common.utils.Utils.murmur2`):
 * 32 bits, signed. Equal keys must land where Java producers put them.
 */
export function murmur2(data: Buffer): number {
  const { length } = data;
  let h = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let k = Math.imul(data.readInt32LE(at), M);
    k ^= k >>> R;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  if (at < length) {
    h ^= data.readUIntLE(at, length - at);
    h = Math.imul(h, M);
  }
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

/** The partition of a key: `BuiltInPartitioner.partitionForKey` of the Java client. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
