import assert from "node:assert/strict";
import type { CollectedEvent } from "../core/event.ts";
import type { Fate, Receipt } from "../core/sink.ts";
import type { Attempts } from "./attempts.ts";
import type { Bisection } from "./bisection.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Dispatch, Thrown } from "./dispatcher.ts";
import type { SinkMetrics } from "./metrics.ts";
import type { RetryQueue } from "./retry-queue.ts";
import type { Settlement } from "./settlement.ts";
import type { SinkCondition } from "./sink-health.ts";
import { STANDING } from "./standing.ts";
import type { Suspects } from "./suspects.ts";

/** Longest text of a sink's exception in the health of the sink and in dead letters. */
const MAX_ERROR_CHARS = 300;

export interface ReceiptsOptions {
  readonly settlement: Settlement;
  readonly attempts: Attempts;
  readonly retries: RetryQueue;
  readonly bisection: Bisection;
  readonly suspects: Suspects;
  readonly deadLetters: DeadLetters;
  readonly condition: SinkCondition;
  readonly metrics: SinkMetrics;
  readonly random: () => number;
}

/** The failure of a write, as its events need it to find their next attempt. */
interface Failure {
  readonly nowMs: number;
  /** The destination as a whole does not answer or takes nothing, as far as is known, not these events. */
  readonly isOutage: boolean;
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

  process(dispatch: Dispatch, receipt: Receipt | Thrown, nowMs: number): void {
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
      case "thrown":
        this.#onThrown(dispatch, inWords(receipt.error), nowMs);
        break;
    }
  }

  #onDelivered(dispatch: Dispatch): void {
    const { metrics, retries } = this.#options;
    for (const event of dispatch.events) this.#deliver(event);
    metrics.delivered(dispatch.events.length);
    // The sink takes again what it did not before. Each such answer lets twice as much be tried, so that
    // what has gathered in a long time of throttling need not wait out its delays, nor come all at once.
    if (dispatch.retries > 0) retries.allowEarly(2 * dispatch.events.length);
    this.#onTaken(dispatch);
  }

  #onPartial(dispatch: Dispatch, fates: readonly Fate[], nowMs: number): void {
    const { condition, deadLetters, metrics, random, retries } = this.#options;
    let retryable = 0;
    for (const fate of fates) {
      if (fate.kind === "retryable") retryable++;
      if (fate.kind !== "delivered") condition.lastError = fate.reason;
    }
    // First, since what is sent again when depends on whether the sink is dead.
    if (retryable === fates.length) {
      condition.isChoosy = true;
      condition.failed(nowMs, dispatch.isProbe, undefined);
    } else {
      this.#onTaken(dispatch);
    }
    if (retryable > 0) retries.allowEarly(0);
    const failure: Failure = { nowMs, isOutage: false, jitter: random(), retryAfterMs: undefined };
    let delivered = 0;
    for (const [index, event] of dispatch.events.entries()) {
      const fate = fates[index];
      assert(fate !== undefined, "the dispatcher lets no incomplete receipt through");
      switch (fate.kind) {
        case "delivered":
          delivered++;
          this.#deliver(event);
          break;
        case "retryable": {
          const dueMs = this.#nextAttemptMs(event, fate.reason, failure);
          if (dueMs !== undefined) this.#retryLater(event, dueMs);
          break;
        }
        case "rejected":
          deadLetters.add(event, "rejected_by_sink", fate.reason);
          break;
      }
    }
    metrics.delivered(delivered);
  }

  /** Each event goes back on its own. Only what is sent apart stays together, to be judged apart from others. */
  #onRetryable(dispatch: Dispatch, reason: string, nowMs: number, retryAfterMs: number | undefined): void {
    const { bisection, condition, random } = this.#options;
    condition.lastError = reason;
    this.#onOutage(dispatch, nowMs, retryAfterMs);
    const failure: Failure = { nowMs, isOutage: true, jitter: random(), retryAfterMs };
    const part: CollectedEvent[] = [];
    let partDueMs = Number.NEGATIVE_INFINITY;
    for (const event of dispatch.events) {
      const dueMs = this.#nextAttemptMs(event, reason, failure);
      if (dueMs === undefined) continue;
      if (dispatch.apart === undefined) {
        this.#retryLater(event, dueMs);
      } else {
        part.push(event);
        partDueMs = Math.max(partDueMs, dueMs);
      }
    }
    if (part.length > 0) bisection.defer({ events: part, thrownAfter: dispatch.apart?.thrownAfter }, partDueMs);
  }

  #onRefused(dispatch: Dispatch, reason: string, nowMs: number): void {
    const { bisection, condition, deadLetters } = this.#options;
    const { events } = dispatch;
    const [only, ...others] = events;
    if (others.length > 0) bisection.split({ events, thrownAfter: dispatch.apart?.thrownAfter }, nowMs);
    else if (only !== undefined) deadLetters.add(only, "rejected_by_sink", reason);
    condition.lastError = reason;
    this.#onTaken(dispatch);
  }

  /** A bug in the sink, which may concern one event or all. The batch is bisected, and a single event a suspect. */
  #onThrown(dispatch: Dispatch, error: string, nowMs: number): void {
    const { bisection, condition, deadLetters, metrics, random, suspects } = this.#options;
    const { events, apart } = dispatch;
    const thrownAfter = apart?.thrownAfter ?? suspects.writes;
    condition.lastError = `bug in the sink: it threw ${error}`;
    const [only, ...others] = events;
    if (only !== undefined && apart?.isTrial === true) {
      deadLetters.add(only, "encode_failed", `the sink threw over this event, and takes others: ${error}`);
      // It is judged. That says nothing of other suspects, which only what the sink takes can speak for.
      this.#onJudged(dispatch);
      return;
    }
    this.#onOutage(dispatch, nowMs, undefined);
    if (only === undefined) return;
    if (others.length > 0) {
      metrics.retried("sink_error", events.length);
      bisection.split({ events, thrownAfter }, nowMs);
      return;
    }
    const failure: Failure = { nowMs, isOutage: true, jitter: random(), retryAfterMs: undefined };
    const dueMs = this.#nextAttemptMs(only, "sink_error", failure);
    if (dueMs !== undefined) suspects.add(only, thrownAfter, dueMs);
  }

  #deliver(event: CollectedEvent): void {
    const { attempts, settlement } = this.#options;
    settlement.settle(event, STANDING.delivered);
    if (attempts.size > 0) attempts.forget(event.position);
  }

  /** Counts a failed attempt. Returns when the next is due, or gives the event up when it is too old. */
  #nextAttemptMs(event: CollectedEvent, reason: string, failure: Failure): number | undefined {
    const { attempts, condition, deadLetters, metrics } = this.#options;
    const { nowMs, isOutage, jitter, retryAfterMs } = failure;
    const delayMs = attempts.failed(event, jitter, retryAfterMs);
    if (delayMs === undefined) {
      deadLetters.add(event, "retry_expired", reason);
      return undefined;
    }
    metrics.retried(reason, 1);
    // The circuit delays what goes to a dead sink. With no delays of their own the oldest events are its probes,
    // and none wait any more once it is back.
    return isOutage && condition.isHeldBack ? Number.NEGATIVE_INFINITY : nowMs + delayMs;
  }

  #retryLater(event: CollectedEvent, dueMs: number): void {
    const { retries, suspects } = this.#options;
    const bytes = suspects.bytesOf(event);
    if (bytes !== undefined) retries.push({ event, bytes, dueMs });
  }

  /** The sink took or judged at least one event. */
  #onTaken(dispatch: Dispatch): void {
    this.#options.suspects.taken(dispatch.write);
    this.#onJudged(dispatch);
  }

  #onJudged(dispatch: Dispatch): void {
    const { attempts, condition, retries } = this.#options;
    if (condition.succeeded() !== "closed") return;
    attempts.forgetAll();
    retries.allowEarly(2 * dispatch.events.length);
  }

  #onOutage(dispatch: Dispatch, nowMs: number, retryAfterMs: number | undefined): void {
    const { bisection, condition, retries, suspects } = this.#options;
    retries.allowEarly(0);
    condition.isChoosy = false;
    if (condition.failed(nowMs, dispatch.isProbe, retryAfterMs) !== "opened") return;
    retries.hasten();
    bisection.hasten();
    suspects.hasten();
  }
}

function inWords(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.length > MAX_ERROR_CHARS ? `${text.slice(0, MAX_ERROR_CHARS)}…` : text;
}
