import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { CountAnswer, CountReport } from "../../alerts/count-report.ts";
import type { Clock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { ThrottledLog } from "../../core/throttled-log.ts";
import type { NotifyConfig } from "./config.ts";
import { type Counted, RuleCounter } from "./encode.ts";
import { createNotifySinkMetrics, type NotifySinkMetrics } from "./metrics.ts";
import { reasonOf, receiptOf } from "./response.ts";

/** Where counts of all workers come together and are judged. Rejects when there is no answer within `timeoutMs`. */
export type SendCounts = (report: CountReport, timeoutMs: number) => Promise<CountAnswer>;

export interface NotifySinkContext {
  readonly sendCounts: SendCounts;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly log: Logger;
}

export function createNotifySink(config: NotifyConfig, context: NotifySinkContext): Sink {
  return new NotifySink(config, context);
}

/**
 * Counts events by the rules, and sends what it counted to where it is judged: one batch, one
 * report. Delivered means that the counts were taken there. It keeps nothing of the events.
 *
 * What it is told nothing of is sent again and may count twice: when a write is aborted, and
 * what was delivered just before a worker died.
 */
class NotifySink implements Sink {
  readonly type = "notify";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: NotifyConfig;
  readonly #context: NotifySinkContext;
  readonly #metrics: NotifySinkMetrics;
  readonly #counter: RuleCounter;
  readonly #errorLog: ThrottledLog;
  readonly #writing = new Set<Promise<Receipt>>();
  #lastError: Counted | undefined;
  #closed = false;

  constructor(config: NotifyConfig, context: NotifySinkContext) {
    this.name = config.name;
    this.limits = { ...config.batch, maxEventBytes: config.batch.maxBytes };
    this.#config = config;
    this.#context = context;
    this.#metrics = createNotifySinkMetrics(context.registry);
    this.#counter = new RuleCounter(config.rules, config.when);
    this.#errorLog = new ThrottledLog((events) =>
      context.log.warn(
        { events, rule: this.#lastError?.rule, error: this.#lastError?.lastError },
        "a rule has no answer for some events; they do not count for it",
      ),
    );
  }

  eventBytes(event: CollectedEvent): number {
    return event.bytes.length;
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (this.#closed) return { kind: "retryable", reason: "the sink is closed" };
    if (signal.aborted) return { kind: "retryable", reason: "aborted" };
    const writing = this.#count(batch, signal);
    this.#writing.add(writing);
    try {
      return await writing;
    } finally {
      this.#writing.delete(writing);
    }
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    const answer = await this.#send([], signal);
    if (answer === "counted") return [];
    const reason = typeof answer === "string" ? reasonOf(answer) : answer.reason;
    return [`Sink ${this.name} cannot count for its rules: ${reason}. See the log of the collector's supervisor.`];
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#writing);
  }

  async #count(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    const { rules, counted } = this.#counter.encode(batch);
    if (rules.length > 0) {
      const answer = await this.#send(rules, signal);
      if (typeof answer !== "string") return { kind: "retryable", reason: answer.reason };
      if (answer !== "counted") return receiptOf(answer);
    }
    for (const each of counted) this.#note(each);
    return { kind: "delivered" };
  }

  #note(counted: Counted): void {
    const labels = { sink: this.name, rule: counted.rule };
    if (counted.events > 0) this.#metrics.matched.inc(labels, counted.events);
    if (counted.errors === 0) return;
    this.#metrics.ruleErrors.inc(labels, counted.errors);
    this.#lastError = counted;
    this.#errorLog.add(counted.errors, this.#context.clock.monotonicMs());
  }

  /** The answer, or why there is none. */
  async #send(rules: CountReport["rules"], signal: AbortSignal): Promise<CountAnswer | { readonly reason: string }> {
    const { sendCounts, clock } = this.#context;
    const { timeoutMs } = this.#config;
    const sending = sendCounts({ sink: this.name, expiresMs: clock.nowMs() + timeoutMs, rules }, timeoutMs).catch(
      (error: unknown) => ({
        reason: `the supervisor does not answer: ${error instanceof Error ? error.message : String(error)}`,
      }),
    );
    const aborted = Promise.withResolvers<{ reason: string }>();
    const abort = (): void => aborted.resolve({ reason: "aborted" });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      return await Promise.race([sending, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
