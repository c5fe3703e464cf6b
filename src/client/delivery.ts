import type { ClientSettings, EventProblem } from "./client-options.ts";
import type { QueuedEvent } from "./event-queue.ts";
import type { Interruptible } from "./interruptible.ts";
import { type LossReport, lossText } from "./loss-report.ts";
import { monotonicMs } from "./monotonic-clock.ts";
import { type Posted, postBatch } from "./post-batch.ts";
import type { Failure } from "./read-answer.ts";
import { retryDelayMs } from "./retry-delay.ts";

/** Is told of every event exactly once what has become of it, and of every failure on the way. */
export interface Fates {
  acknowledged(events: readonly QueuedEvent[], isConfirmed: boolean): void;
  rejected(event: QueuedEvent, problems: readonly EventProblem[]): void;
  expired(events: readonly QueuedEvent[]): void;
  refused(events: readonly QueuedEvent[], failure: Failure, status: number | undefined): void;
  /** Not taken for certain when all was ended. */
  unsent(events: readonly QueuedEvent[]): void;
  willRetry(events: readonly QueuedEvent[], failure: Failure, status: number | undefined): void;
}

/** Brings batches to their end: sends, retries what may be retried, and gives up what is too old. */
export class Delivery {
  readonly #settings: ClientSettings;
  readonly #waits: Interruptible;
  readonly #losses: LossReport;
  readonly #fates: Fates;
  /** Who asks one request to wait means the others too. */
  #notBeforeMs = 0;

  constructor(settings: ClientSettings, waits: Interruptible, losses: LossReport, fates: Fates) {
    this.#settings = settings;
    this.#waits = waits;
    this.#losses = losses;
    this.#fates = fates;
  }

  /** Resolves when the fate of every event is told. Never rejects. */
  async deliver(batch: readonly QueuedEvent[]): Promise<void> {
    const parts = [batch];
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      parts.unshift(...(await this.#deliverPart(part)));
    }
  }

  /** @returns the halves, when it was too much for one request */
  async #deliverPart(part: readonly QueuedEvent[]): Promise<(readonly QueuedEvent[])[]> {
    let events = part;
    let compress = true;
    let delayMs = 0;
    for (let retries = 0; ; retries++) {
      await this.#pause(events, delayMs);
      events = this.#withoutExpired(events);
      if (events.length === 0) return [];
      if (this.#waits.isOver) {
        this.#fates.unsent(events);
        return [];
      }
      const { outcome, status, retryAfterMs } = await this.#post(events, compress);
      switch (outcome.kind) {
        case "taken":
          this.#settle(events, outcome.rejected, outcome.isConfirmed);
          return [];
        case "refused":
          this.#fates.refused(events, outcome, status);
          return [];
        case "split": {
          const half = Math.ceil(events.length / 2);
          return [events.slice(0, half), events.slice(half)];
        }
        case "uncompressed":
          if (!compress) {
            this.#fates.refused(events, outcome, status);
            return [];
          }
          compress = false;
          break;
        case "again":
          if (!this.#waits.isOver) this.#fates.willRetry(events, outcome, status);
          this.#notBeforeMs = Math.max(this.#notBeforeMs, monotonicMs() + retryAfterMs);
          delayMs = retryDelayMs(this.#settings, retries, Math.random());
          break;
      }
    }
  }

  /** No longer than until the last event expires. */
  async #pause(events: readonly QueuedEvent[], delayMs: number): Promise<void> {
    const nowMs = monotonicMs();
    const newest = events.at(-1)?.trackedAtMs ?? 0;
    const leftMs = newest + this.#settings.maxEventAgeMs - nowMs;
    const ms = Math.min(Math.max(delayMs, this.#notBeforeMs - nowMs), leftMs);
    if (ms > 0) await this.#waits.sleep(ms);
  }

  #withoutExpired(events: readonly QueuedEvent[]): readonly QueuedEvent[] {
    const oldestMs = monotonicMs() - this.#settings.maxEventAgeMs;
    const fresh = events.findIndex((event) => event.trackedAtMs > oldestMs);
    if (fresh === 0) return events;
    const expired = fresh < 0 ? events : events.slice(0, fresh);
    this.#fates.expired(expired);
    return events.slice(expired.length);
  }

  async #post(events: readonly QueuedEvent[], compress: boolean): Promise<Posted> {
    const losses = this.#losses.take();
    let posted: Posted;
    try {
      posted = await this.#waits.within(this.#settings.requestTimeoutMs, (signal) =>
        postBatch(this.#settings, events, lossText(losses), compress, signal),
      );
    } catch (error) {
      posted = { outcome: { kind: "again", code: "no_answer", message: reasonOf(error) }, retryAfterMs: 0 };
    }
    if (posted.outcome.kind !== "taken") this.#losses.giveBack(losses);
    return posted;
  }

  #settle(
    events: readonly QueuedEvent[],
    rejected: ReadonlyMap<number, readonly EventProblem[]>,
    isConfirmed: boolean,
  ): void {
    const taken = events.filter((_event, place) => !rejected.has(place));
    if (taken.length > 0) this.#fates.acknowledged(taken, isConfirmed);
    for (const [place, event] of events.entries()) {
      const problems = rejected.get(place);
      if (problems !== undefined) this.#fates.rejected(event, problems);
    }
  }
}

/** Node's fetch says only "fetch failed", and why in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}
