import assert from "node:assert/strict";
import type { CollectedEvent } from "../core/event.ts";
import type { Fate, Receipt, Sink } from "../core/sink.ts";
import type { Attempts } from "./attempts.ts";
import type { Bisection } from "./bisection.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Dispatch } from "./dispatcher.ts";
import type { SinkMetrics } from "./metrics.ts";
import type { RetryQueue } from "./retry-queue.ts";
import type { Settlement } from "./settlement.ts";
import type { SinkCondition } from "./sink-health.ts";
import { STANDING } from "./standing.ts";

export interface ReceiptsOptions {
  readonly sink: Sink;
  readonly settlement: Settlement;
  readonly attempts: Attempts;
  readonly retries: RetryQueue;
  readonly bisection: Bisection;
  readonly deadLetters: DeadLetters;
  readonly condition: SinkCondition;
  readonly metrics: SinkMetrics;
  readonly random: () => number;
}

/** The failure of a write, as its events need it to find their next attempt. */
interface Failure {
  readonly dispatch: Dispatch;
  readonly nowMs: number;
  /** One for the whole write: what failed together is due together, and makes a full batch again. */
  readonly jitter: number;
  readonly retryAfterMs: number | undefined;
}

/**
 * Does with each event what the receipt of its write says: settles it, puts it back, has
 * its batch bisected, or gives it to the dead letters.
 *
 * Invariant: after a receipt each of its events is in exactly one of those places.
 */
export class Receipts {
  readonly #options: ReceiptsOptions;

  constructor(options: ReceiptsOptions) {
    this.#options = options;
  }

  process(dispatch: Dispatch, receipt: Receipt, nowMs: number): void {
    switch (receipt.kind) {
      case "delivered":
        this.#onDelivered(dispatch);
        break;
      case "partial":
        this.#onPartial(dispatch, receipt.fates, nowMs);
        break;
      case "retryable":
        this.#onRetryable(dispatch, receipt.reason, nowMs, receipt.retryAfterMs);
        break;
      case "refused":
        this.#onRefused(dispatch, receipt.reason, nowMs);
        break;
    }
  }

  #onDelivered({ events }: Dispatch): void {
    for (const event of events) this.#deliver(event);
    this.#options.metrics.delivered(events.length);
    this.#onSuccess();
  }

  #onPartial(dispatch: Dispatch, fates: readonly Fate[], nowMs: number): void {
    const { condition, deadLetters, metrics, random } = this.#options;
    const failure: Failure = { dispatch, nowMs, jitter: random(), retryAfterMs: undefined };
    let delivered = 0;
    let retryable = 0;
    for (const [index, event] of dispatch.events.entries()) {
      const fate = fates[index];
      assert(fate !== undefined, "the dispatcher lets no incomplete receipt through");
      switch (fate.kind) {
        case "delivered":
          delivered++;
          this.#deliver(event);
          break;
        case "retryable": {
          retryable++;
          condition.lastError = fate.reason;
          const dueMs = this.#nextAttemptMs(event, fate.reason, failure);
          if (dueMs !== undefined) this.#retryLater(event, dueMs);
          break;
        }
        case "rejected":
          condition.lastError = fate.reason;
          deadLetters.add(event, "rejected_by_sink", fate.reason);
          break;
      }
    }
    metrics.delivered(delivered);
    if (retryable === dispatch.events.length) condition.failed(nowMs, dispatch.isProbe, undefined);
    else this.#onSuccess();
  }

  /** Each event goes back on its own. Only the parts of a refused batch stay together, to be judged apart from others. */
  #onRetryable(dispatch: Dispatch, reason: string, nowMs: number, retryAfterMs: number | undefined): void {
    const { bisection, condition, random } = this.#options;
    const failure: Failure = { dispatch, nowMs, jitter: random(), retryAfterMs };
    const part: CollectedEvent[] = [];
    let partDueMs = nowMs;
    for (const event of dispatch.events) {
      const dueMs = this.#nextAttemptMs(event, reason, failure);
      if (dueMs === undefined) continue;
      if (dispatch.isPart) {
        part.push(event);
        partDueMs = Math.max(partDueMs, dueMs);
      } else {
        this.#retryLater(event, dueMs);
      }
    }
    if (part.length > 0) bisection.defer(part, partDueMs);
    condition.lastError = reason;
    condition.failed(nowMs, dispatch.isProbe, retryAfterMs);
  }

  #onRefused({ events }: Dispatch, reason: string, nowMs: number): void {
    const { bisection, condition, deadLetters } = this.#options;
    const [only, ...others] = events;
    if (others.length > 0) bisection.split(events, nowMs);
    else if (only !== undefined) deadLetters.add(only, "rejected_by_sink", reason);
    condition.lastError = reason;
    this.#onSuccess();
  }

  #deliver(event: CollectedEvent): void {
    const { attempts, settlement } = this.#options;
    settlement.settle(event, STANDING.delivered);
    if (attempts.size > 0) attempts.forget(event.position);
  }

  /** Counts a failed attempt. Returns when the next is due, or gives the event up when it is too old. */
  #nextAttemptMs(event: CollectedEvent, reason: string, failure: Failure): number | undefined {
    const { attempts, deadLetters, metrics } = this.#options;
    const { dispatch, nowMs, jitter, retryAfterMs } = failure;
    const delayMs = attempts.failed(event.position, dispatch.sentMs, nowMs, jitter, retryAfterMs);
    if (delayMs === undefined) {
      deadLetters.add(event, "retry_expired", reason);
      return undefined;
    }
    metrics.retried(reason, 1);
    return nowMs + delayMs;
  }

  #retryLater(event: CollectedEvent, dueMs: number): void {
    const { retries, sink } = this.#options;
    retries.push({ event, bytes: sink.eventBytes(event), dueMs });
  }

  #onSuccess(): void {
    const { bisection, condition, retries } = this.#options;
    if (condition.succeeded() !== "closed") return;
    // The delays were for a dead sink; what waits out the longest of them would hold back the cursor.
    retries.hasten();
    bisection.hasten();
  }
}
