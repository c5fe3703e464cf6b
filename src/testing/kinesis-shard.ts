import { hash } from "node:crypto";
import type { ShardLimits } from "./kinesis-faults.ts";

const HASH_BITS = 128n;

/**
 * Index of the shard that takes a record, where `shards` of them share the hash keys
 * evenly. A hash key is the partition key's MD5, unless the record brings its own.
 */
export function shardIndexOf(partitionKey: string, explicitHashKey: string | undefined, shards: number): number {
  if (shards === 1) return 0;
  const hashKey = explicitHashKey === undefined ? BigInt(`0x${hash("md5", partitionKey)}`) : BigInt(explicitHashKey);
  return Number((hashKey * BigInt(shards)) >> HASH_BITS);
}

/** One shard's intake: two token buckets that hold what it takes in a second. */
export class ShardIntake {
  #bytes = Number.POSITIVE_INFINITY;
  #records = Number.POSITIVE_INFINITY;
  #filledMs = 0;

  /** Takes a record of so many bytes, unless that exceeds the limits. */
  take(bytes: number, limits: ShardLimits, nowMs: number): boolean {
    const seconds = (nowMs - this.#filledMs) / 1_000;
    this.#filledMs = nowMs;
    this.#bytes = Math.min(limits.bytesPerSecond, this.#bytes + seconds * limits.bytesPerSecond);
    this.#records = Math.min(limits.recordsPerSecond, this.#records + seconds * limits.recordsPerSecond);
    if (bytes > this.#bytes || this.#records < 1) return false;
    this.#bytes -= bytes;
    this.#records -= 1;
    return true;
  }
}
