import { randomInt } from "node:crypto";
import type { Fate } from "../../core/sink.ts";
import { BATCH_OVERHEAD_BYTES, encodedBytes, type KafkaRecord } from "./encode.ts";
import { partitionOf } from "./murmur2.ts";
import { type Answer, partitionKey } from "./response.ts";

/** Records of one write that go to one partition together, as one batch of Kafka's. */
export class Chunk {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly KafkaRecord[];
  /** Why nobody knows whether the partition has the records; `undefined` while they were not sent. */
  readonly doubt: string | undefined;
  /** Of each record, its place in the write. */
  readonly #indices: readonly number[];

  constructor(
    place: { readonly topic: string; readonly partition: number },
    records: readonly KafkaRecord[],
    indices: readonly number[],
    doubt?: string,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.records = records;
    this.#indices = indices;
    this.doubt = doubt;
  }

  /** Of the partition, as in the broker's answers. */
  get key(): string {
    return partitionKey(this.topic, this.partition);
  }

  get size(): number {
    return this.records.length;
  }

  inDoubt(reason: string): Chunk {
    return new Chunk(this, this.records, this.#indices, this.doubt ?? reason);
  }

  settle(fates: Fate[], fate: Fate): void {
    for (const index of this.#indices) fates[index] = fate;
  }

  /**
   * What is left of it after a broker refused it: all but the records that are to blame, whose fate
   * is told; if the broker does not say which, both halves, until a single record is left.
   */
  refused(fates: Fate[], answer: Extract<Answer, { kind: "refused" }>): readonly Chunk[] {
    const culprits = this.size === 1 ? new Set([0]) : new Set(answer.culprits.filter((at) => at < this.size));
    if (culprits.size === 0) {
      const middle = this.size >>> 1;
      return [this.#part((at) => at < middle), this.#part((at) => at >= middle)];
    }
    for (const at of culprits) {
      const index = this.#indices[at];
      if (index !== undefined) fates[index] = answer.fate;
    }
    const rest = this.#part((at) => !culprits.has(at));
    return rest.size === 0 ? [] : [rest];
  }

  #part(has: (at: number) => boolean): Chunk {
    const isIn = (_: unknown, at: number): boolean => has(at);
    return new Chunk(this, this.records.filter(isIn), this.#indices.filter(isIn));
  }
}

/**
 * Groups records of a topic by partition, in batches of at most `maxBytes`. The partition is that of
 * the key, or for all without a key the same one at random, so that they make one batch.
 */
export function chunksOf(
  topic: string,
  partitions: number,
  indices: readonly number[],
  records: readonly KafkaRecord[],
  maxBytes: number,
): Chunk[] {
  const keyless = randomInt(partitions);
  const open = new Map<number, { records: KafkaRecord[]; indices: number[]; bytes: number }>();
  const chunks: Chunk[] = [];
  for (const index of indices) {
    const record = records[index];
    if (record === undefined) continue;
    const partition = record.key === undefined ? keyless : partitionOf(record.key, partitions);
    const bytes = encodedBytes(record);
    let group = open.get(partition);
    if (group !== undefined && group.bytes + bytes > maxBytes) {
      chunks.push(new Chunk({ topic, partition }, group.records, group.indices));
      group = undefined;
    }
    if (group === undefined) {
      group = { records: [], indices: [], bytes: BATCH_OVERHEAD_BYTES };
      open.set(partition, group);
    }
    group.records.push(record);
    group.indices.push(index);
    group.bytes += bytes;
  }
  for (const [partition, group] of open) chunks.push(new Chunk({ topic, partition }, group.records, group.indices));
  return chunks;
}

/** The first chunk of each partition: a second one waits for the answer to the first. */
export function oneOfEachPartition(chunks: readonly Chunk[]): Chunk[] {
  const taken = new Set<string>();
  return chunks.filter(({ key }) => !taken.has(key) && taken.add(key).size > 0);
}

/** Places of the records of each topic. */
export function byTopic(records: readonly KafkaRecord[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, { topic }] of records.entries()) {
    const group = groups.get(topic);
    if (group === undefined) groups.set(topic, [index]);
    else group.push(index);
  }
  return groups;
}
