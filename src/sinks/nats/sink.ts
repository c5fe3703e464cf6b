import type { ConnectionOptions } from "@nats-io/transport-node";
import type { Registry } from "prom-client";
import type { CollectedEvent } from "../../core/event.ts";
import { oneReason } from "../../core/one-reason.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { abortable } from "../../outbound/abortable.ts";
import { errorInWords } from "../../outbound/quotable.ts";
import type { NatsConfig } from "./config.ts";
import { connectionOptions } from "./connection-options.ts";
import { MessageEncoder } from "./encode.ts";
import { Link } from "./link.ts";
import { createNatsSinkMetrics, type NatsSinkMetrics } from "./metrics.ts";
import type { Answer } from "./response.ts";
import { streamProblems } from "./stream-check.ts";

export interface NatsSinkContext {
  readonly registry: Registry;
}

/** Delivers events to a stream of NATS JetStream. */
export function createNatsSink(config: NatsConfig, context: NatsSinkContext): Sink {
  return new NatsSink(config, createNatsSinkMetrics(context.registry));
}

/**
 * One batch, as many messages, each acknowledged by the stream for itself.
 *
 * All writes share a connection. One that ends, or on which a write was given up, is replaced by the
 * next write: so what waits in its buffers is bounded by the batches on their way.
 */
class NatsSink implements Sink {
  readonly type = "nats";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: NatsConfig;
  readonly #options: ConnectionOptions;
  readonly #encoder: MessageEncoder;
  readonly #metrics: NatsSinkMetrics;
  readonly #writes = new Set<Promise<unknown>>();
  #link: Link | undefined;
  #connecting: Promise<Link> | undefined;
  #closed = false;

  constructor(config: NatsConfig, metrics: NatsSinkMetrics) {
    this.name = config.name;
    this.#config = config;
    this.#options = connectionOptions(config);
    this.#encoder = new MessageEncoder(config);
    this.#metrics = metrics;
    this.limits = { ...config.batch, maxEventBytes: Math.min(config.maxPayloadBytes, config.batch.maxBytes) };
  }

  eventBytes(event: CollectedEvent): number {
    return this.#encoder.messageBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (this.#closed) return { kind: "retryable", reason: "the sink is closed" };
    if (batch.length === 0) return { kind: "delivered" };
    if (signal.aborted) return { kind: "retryable", reason: "given up before it was sent" };
    const writing = this.#publish(batch, AbortSignal.any([signal, AbortSignal.timeout(this.#config.timeoutMs)]));
    this.#writes.add(writing);
    try {
      return await writing;
    } finally {
      this.#writes.delete(writing);
    }
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#config.timeoutMs)]);
    const opening = Link.open(this.#options);
    try {
      const link = await abortable(opening, limit);
      return await abortable(streamProblems(link, this.#config), limit);
    } catch (error) {
      const reason = limit.aborted ? "no answer in time" : errorInWords(error);
      const servers = this.#config.servers.join(", ");
      return [`No server of ${servers} lets us in (${reason}): see servers, auth, tls, and the network.`];
    } finally {
      // Also one that opens only after nobody waits for it any more.
      opening.then((link) => link.close()).catch(() => {});
    }
  }

  /** Waits for writes on their way, which end with the connection or their time. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#writes);
    this.#link?.close();
    this.#connecting?.then((link) => link.close()).catch(() => {});
  }

  async #publish(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    let link: Link;
    try {
      link = await abortable(this.#connect(), signal);
    } catch (error) {
      const reason = signal.aborted ? "given up before a server was reached" : errorInWords(error);
      return { kind: "retryable", reason: `not connected: ${reason}` };
    }
    const answering = link.publish(batch.map((event) => this.#encoder.message(event)));
    try {
      return this.#receiptOf(await abortable(answering, signal));
    } catch {
      // Whatever is still in its buffers would pile up behind a server that is silent.
      link.close();
      return this.#receiptOf(await answering);
    }
  }

  async #connect(): Promise<Link> {
    if (this.#link?.isOpen === true) return this.#link;
    this.#connecting ??= Link.open(this.#options);
    try {
      this.#link = await this.#connecting;
      return this.#link;
    } finally {
      this.#connecting = undefined;
    }
  }

  #receiptOf(answers: readonly Answer[]): Receipt {
    let [delivered, duplicates] = [0, 0];
    for (const { fate, duplicate } of answers) {
      if (fate.kind === "delivered") delivered++;
      if (duplicate) duplicates++;
    }
    if (duplicates > 0) this.#metrics.duplicates.inc({ sink: this.name }, duplicates);
    if (delivered === answers.length) return { kind: "delivered" };
    const fates = answers.map(({ fate }) => fate);
    // Of several subjects one may be at fault: then others are to be tried.
    const reason = this.#encoder.hasOneSubject ? oneReason(fates) : undefined;
    return reason === undefined ? { kind: "partial", fates } : { kind: "retryable", reason };
  }
}
