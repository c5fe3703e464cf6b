import { Admin } from "@platformatic/kafka";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import { oneReason } from "../../core/one-reason.ts";
import type { Batch, BatchLimits, Fate, Receipt, Sink } from "../../core/sink.ts";
import { readTlsMaterial, type TlsMaterial } from "../../outbound/tls-config.ts";
import { abortable } from "../../outbound/abortable.ts";
import { clientOptions, cutConnections, hearErrors } from "./client.ts";
import type { KafkaConfig } from "./config.ts";
import { BATCH_OVERHEAD_BYTES, RecordEncoder } from "./encode.ts";
import { Lane } from "./lane.ts";
import { kafkaErrorInWords } from "./response.ts";
import { topicProblems } from "./topic-check.ts";
import { TopicDirectory } from "./topic-directory.ts";
import { hasPlaceholder, topicName } from "./topic-name.ts";

export interface KafkaSinkContext {
  readonly clock?: Clock;
}

/** Delivers events to topics of Apache Kafka, or of anything that speaks its protocol. */
export function createKafkaSink(config: KafkaConfig, context: KafkaSinkContext = {}): Sink {
  return new KafkaSink(config, readTlsMaterial(config.tls, config.name), context.clock ?? systemClock);
}

/** One batch, one Produce request to each broker that leads a partition of it, and more only where {@link Lane} says. */
class KafkaSink implements Sink {
  readonly type = "kafka";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: KafkaConfig;
  readonly #tls: TlsMaterial | undefined;
  readonly #clock: Clock;
  readonly #encoder: RecordEncoder;
  readonly #directory: TopicDirectory | undefined;
  /** Lanes that no write uses. With those in use never more than there are writes at a time. */
  readonly #idle: Lane[] = [];
  readonly #busy = new Map<Lane, Promise<unknown>>();
  #closed = false;

  constructor(config: KafkaConfig, tls: TlsMaterial | undefined, clock: Clock) {
    this.name = config.name;
    this.#config = config;
    this.#tls = tls;
    this.#clock = clock;
    this.#encoder = new RecordEncoder(config);
    this.limits = {
      ...config.batch,
      maxEventBytes: Math.min(config.batch.maxBytes, config.maxMessageBytes - BATCH_OVERHEAD_BYTES),
    };
    if (hasPlaceholder(config.topic)) {
      this.#directory = new TopicDirectory(() => this.#withAdmin((admin) => admin.listTopics()), clock);
    }
  }

  eventBytes(event: CollectedEvent): number {
    return this.#encoder.recordBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (this.#closed) return { kind: "retryable", reason: "the sink is closed" };
    if (batch.length === 0) return { kind: "delivered" };
    if (signal.aborted) return { kind: "retryable", reason: "given up before it was sent" };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#config.timeoutMs)]);
    let topics: readonly string[];
    try {
      topics = await abortable(this.#topicsOf(batch), limit);
    } catch (error) {
      return { kind: "retryable", reason: `the topics cannot be listed: ${kafkaErrorInWords(error)}` };
    }
    const records = batch.map((event, index) => this.#encoder.record(event, topics[index] ?? ""));
    const lane = this.#idle.pop() ?? new Lane(this.#config, this.#tls, this.#clock);
    const writing = lane.write(records, limit);
    this.#busy.set(lane, writing);
    try {
      return this.#receiptOf(await writing);
    } finally {
      this.#busy.delete(lane);
      if (lane.sound && !this.#closed) this.#idle.push(lane);
      else lane.close();
    }
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#config.timeoutMs)]);
    try {
      return await abortable(
        this.#withAdmin((admin) => topicProblems(admin, this.#config)),
        limit,
      );
    } catch (error) {
      const reason = limit.aborted ? "no answer in time" : kafkaErrorInWords(error);
      const servers = this.#config.bootstrapServers.join(", ");
      return [`The brokers ${servers} cannot be asked (${reason}): see bootstrapServers, tls, sasl, and the network.`];
    }
  }

  /** Waits for writes on their way, which ask no broker again from now on. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of this.#idle.splice(0)) lane.close();
    for (const lane of this.#busy.keys()) lane.askNoMore();
    await Promise.allSettled(this.#busy.values());
  }

  async #topicsOf(batch: Batch): Promise<readonly string[]> {
    const { topic, fallbackTopic } = this.#config;
    if (this.#directory === undefined || fallbackTopic === undefined) return batch.map(() => topic);
    const names = batch.map((event) => topicName(topic, event));
    const existing = await this.#directory.existing(names);
    return names.map((name) => (existing.has(name) ? name : fallbackTopic));
  }

  #receiptOf(fates: readonly Fate[]): Receipt {
    if (fates.every(({ kind }) => kind === "delivered")) return { kind: "delivered" };
    if (fates.some((fate) => fate.kind === "retryable" && fate.reason.includes("UNKNOWN_TOPIC"))) {
      this.#directory?.doubt();
    }
    // Of several topics one may be at fault: then others are to be tried.
    const reason = this.#directory === undefined ? oneReason(fates) : undefined;
    return reason === undefined ? { kind: "partial", fates } : { kind: "retryable", reason };
  }

  /** A client for questions, with connections of its own that end with the answer. */
  async #withAdmin<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = new Admin(clientOptions(this.#config, this.#tls));
    hearErrors(admin);
    try {
      return await ask(admin);
    } finally {
      cutConnections(admin);
      admin.close().catch(() => {});
    }
  }
}
