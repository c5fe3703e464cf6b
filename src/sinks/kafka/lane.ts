import { Producer } from "@platformatic/kafka";
import type { Clock } from "../../core/clock.ts";
import type { Fate } from "../../core/sink.ts";
import type { TlsMaterial } from "../../outbound/tls-config.ts";
import { brokerTimeoutMs, clientOptions, cutConnections, hearErrors } from "./client.ts";
import { byTopic, type Chunk, chunksOf, oneOfEachPartition } from "./chunk.ts";
import type { KafkaConfig } from "./config.ts";
import type { KafkaRecord } from "./encode.ts";
import { type ProduceVersion, produceVersion, sendProduce } from "./produce-request.ts";
import { encodeBatch } from "./record-batch.ts";
import { type Answer, type Answers, kafkaErrorInWords, readProduceAnswers } from "./response.ts";
import { abortable } from "../../outbound/abortable.ts";

/** Between two questions about the same records: an election takes seconds, a lost connection nothing. */
const ASK_AGAIN_MS = 200;

/** A lane is replaced well before its numbers, which have 31 bits, run out. */
const LAST_NUMBER = 2 ** 30;

const DELIVERED: Fate = { kind: "delivered" };
const NOT_SENT: Fate = { kind: "retryable", reason: "not sent" };

interface Asked {
  readonly chunk: Chunk;
  readonly answer: Answer;
}

interface Session {
  readonly version: ProduceVersion;
  /** Only with `acks: all`: who we are to the brokers, so that they know what they have. */
  readonly producer: { readonly id: bigint; readonly epoch: number } | undefined;
}

/**
 * Connections to the brokers and a producer's identity, used by one write at a time.
 *
 * The brokers number what a producer sends to a partition, and know a batch that comes again by
 * its number. So a batch whose outcome nobody told, because the connection broke or a replica was
 * slow, is sent again as it was, until a broker says that it has it or the write's time is over.
 * Nothing else is ever sent twice.
 *
 * Invariant: a number stands for the same records always, or a broker would take new ones for known
 * and drop them. So after a batch that was sent and neither appended nor refused, the lane is of no
 * use any more (`sound`), and at most one batch per partition is on its way.
 */
export class Lane {
  readonly #client: Producer;
  readonly #config: KafkaConfig;
  readonly #clock: Clock;
  /** Of the next batch for each partition. */
  readonly #numbers = new Map<string, number>();
  #session: Session | undefined;
  #sound = true;
  #asksAgain = true;

  constructor(config: KafkaConfig, tls: TlsMaterial | undefined, clock: Clock) {
    this.#client = new Producer({ ...clientOptions(config, tls), idempotent: false });
    hearErrors(this.#client);
    this.#config = config;
    this.#clock = clock;
  }

  /** Whether another write may use it. */
  get sound(): boolean {
    return this.#sound;
  }

  /** Sends the records, each to the partition of its key. Fates are in their order. Never throws. */
  async write(records: readonly KafkaRecord[], signal: AbortSignal): Promise<readonly Fate[]> {
    const fates = records.map(() => NOT_SENT);
    try {
      this.#session ??= await abortable(this.#open(), signal);
      const chunks: Chunk[] = [];
      for (const [topic, indices] of byTopic(records)) {
        const problem = await this.#split(topic, indices, records, chunks, signal);
        if (problem !== undefined) for (const index of indices) fates[index] = { kind: "retryable", reason: problem };
      }
      await this.#deliver(this.#session, chunks, fates, signal);
    } catch (error) {
      // Nothing was sent yet: what comes after does not throw.
      this.#sound = false;
      const reason = signal.aborted ? "given up before a broker was reached" : kafkaErrorInWords(error);
      return records.map(() => ({ kind: "retryable", reason }));
    }
    return fates;
  }

  /** What is in doubt stays so: a write on its way ends with the answer that it waits for. */
  askNoMore(): void {
    this.#asksAgain = false;
  }

  /** Lets go of the connections, now. */
  close(): void {
    this.#sound = false;
    cutConnections(this.#client);
    this.#client.close().catch(() => {});
  }

  async #open(): Promise<Session> {
    const version = produceVersion(await this.#client.listApis());
    if (this.#config.acks === "leader") return { version, producer: undefined };
    const { producerId, producerEpoch } = await this.#client.initIdempotentProducer({});
    return { version, producer: { id: producerId, epoch: producerEpoch } };
  }

  /** Adds the chunks of a topic's records. Returns why there are none. */
  async #split(
    topic: string,
    indices: readonly number[],
    records: readonly KafkaRecord[],
    chunks: Chunk[],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const metadata = await abortable(this.#client.metadata({ topics: [topic] }), signal);
      const partitions = metadata.topics.get(topic)?.partitionsCount ?? 0;
      if (partitions === 0) return `the topic ${topic} has no partitions that can be reached`;
      chunks.push(...chunksOf(topic, partitions, indices, records, this.#config.maxMessageBytes));
      return undefined;
    } catch (error) {
      this.#client.clearMetadata();
      return signal.aborted ? "given up before a broker was reached" : `${topic}: ${kafkaErrorInWords(error)}`;
    }
  }

  async #deliver(session: Session, chunks: readonly Chunk[], fates: Fate[], signal: AbortSignal): Promise<void> {
    let left = chunks;
    while (left.length > 0) {
      const answers = await this.#ask(session, oneOfEachPartition(left), signal);
      left = left.flatMap((chunk) => this.#settle(chunk, answers.get(chunk.key), fates));
      if (!left.some((chunk) => chunk.doubt !== undefined)) continue;
      if (this.#asksAgain) await this.#pause(signal);
      if (signal.aborted || !this.#asksAgain) break;
    }
    for (const chunk of left) {
      this.#sound = false;
      chunk.settle(fates, { kind: "retryable", reason: chunk.doubt ?? "given up before it was sent" });
    }
  }

  /**
   * Notes what became of a chunk, or of one before it in its partition. Returns what is still to be sent of it.
   *
   * @param asked the chunk that was sent to the partition, and the answer
   */
  #settle(chunk: Chunk, asked: Asked | undefined, fates: Fate[]): readonly Chunk[] {
    if (asked === undefined) return [chunk];
    const { answer } = asked;
    const isAsked = asked.chunk === chunk;
    switch (answer.kind) {
      case "appended":
        if (!isAsked) return [chunk];
        this.#numbers.set(chunk.key, this.#numberOf(chunk) + chunk.size);
        if (this.#numberOf(chunk) > LAST_NUMBER) this.#sound = false;
        chunk.settle(fates, DELIVERED);
        return [];
      case "refused":
        return isAsked ? chunk.refused(fates, answer) : [chunk];
      case "unknown":
        if (this.#config.acks === "all") return [isAsked ? chunk.inDoubt(answer.reason) : chunk];
        break;
      case "unsent":
      case "failed":
        // Once in doubt, only a broker that has the records can end it.
        if (asked.chunk.doubt !== undefined) return [chunk];
        // What comes next in the partition would get the number of what failed.
        if (answer.kind === "failed") this.#sound = false;
        break;
    }
    chunk.settle(fates, { kind: "retryable", reason: answer.reason });
    return [];
  }

  /** Sends each leader its chunks, at most one for a partition. Resolves with what it says of each, by partition. */
  async #ask(session: Session, round: readonly Chunk[], signal: AbortSignal): Promise<Map<string, Asked>> {
    const asked = new Map<string, Asked>();
    const byLeader = new Map<number, Chunk[]>();
    for (const chunk of round) {
      const leader = await this.#leaderOf(chunk, signal);
      if (typeof leader === "string") asked.set(chunk.key, { chunk, answer: { kind: "unsent", reason: leader } });
      else byLeader.set(leader, [...(byLeader.get(leader) ?? []), chunk]);
    }
    await Promise.all(
      Array.from(byLeader, async ([leader, chunks]) => {
        const { told, otherwise } = await this.#askLeader(session, leader, chunks, signal);
        for (const chunk of chunks) asked.set(chunk.key, { chunk, answer: told?.get(chunk.key) ?? otherwise });
      }),
    );
    for (const { answer } of asked.values()) {
      // Where the brokers and the leaders are may be what went wrong.
      if (answer.kind === "unsent" || answer.kind === "unknown") this.#client.clearMetadata();
    }
    return asked;
  }

  /** The leader of a chunk's partition, or why there is none. */
  async #leaderOf(chunk: Chunk, signal: AbortSignal): Promise<number | string> {
    try {
      const metadata = await abortable(this.#client.metadata({ topics: [chunk.topic] }), signal);
      const leader = metadata.topics.get(chunk.topic)?.partitions[chunk.partition]?.leader ?? -1;
      return leader >= 0 ? leader : `${chunk.key} has no leader at the moment`;
    } catch (error) {
      return kafkaErrorInWords(error);
    }
  }

  /** What a broker says of each partition, and what holds for those of which it says nothing. */
  async #askLeader(
    session: Session,
    leader: number,
    chunks: readonly Chunk[],
    signal: AbortSignal,
  ): Promise<{ told?: Answers; otherwise: Answer }> {
    let connection;
    try {
      connection = (await abortable(this.#client.connectToBrokers([leader]), signal)).get(leader);
      if (connection === undefined) throw new Error(`broker ${leader} is not there at the moment`);
    } catch (error) {
      return { otherwise: { kind: "unsent", reason: kafkaErrorInWords(error) } };
    }
    let result: unknown;
    try {
      const batches = await Promise.all(chunks.map((chunk) => this.#encode(chunk, session)));
      const acks = session.producer === undefined ? 1 : -1;
      const sent = sendProduce(connection, session.version, {
        acks,
        timeoutMs: brokerTimeoutMs(this.#config),
        batches,
      });
      result = await abortable(sent, signal);
    } catch (error) {
      result = error;
    }
    const told = readProduceAnswers(result, this.#config.key === "none");
    return {
      told,
      otherwise: { kind: "unknown", reason: `no answer from broker ${leader}: ${kafkaErrorInWords(result)}` },
    };
  }

  async #encode(chunk: Chunk, { producer }: Session): Promise<{ topic: string; partition: number; bytes: Buffer }> {
    const identity = producer && {
      producerId: producer.id,
      producerEpoch: producer.epoch,
      number: this.#numberOf(chunk),
    };
    const { topic, partition, records } = chunk;
    return { topic, partition, bytes: await encodeBatch(records, this.#config.compression, identity) };
  }

  #numberOf({ key }: Chunk): number {
    return this.#numbers.get(key) ?? 0;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(ASK_AGAIN_MS, resolve);
    try {
      await abortable(promise, signal);
    } catch {
      timer.cancel();
    }
  }
}
