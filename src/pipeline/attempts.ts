import type { Position } from "../core/event.ts";
import { type BackoffLimits, backoffMs } from "./backoff.ts";

interface Attempted {
  failures: number;
  readonly firstAttemptMs: number;
}

/** The `retry` settings of a sink. */
export interface RetryLimits extends BackoffLimits {
  /** An event is given up this long after its first attempt; 0: never. */
  readonly maxAgeMs: number;
}

/**
 * What was tried with each event that failed and is not settled: how often, and since when.
 * An event that is delivered at its first attempt is never in here.
 */
export class Attempts {
  readonly #limits: RetryLimits;
  readonly #attempted = new Map<Position, Attempted>();

  constructor(limits: RetryLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#attempted.size;
  }

  /**
   * Takes note of a failed attempt. Returns how long to wait before the next, in
   * milliseconds, or `undefined` when the event is to be given up. The last attempt is
   * made when the event reaches `maxAgeMs`, not later.
   */
  failed(
    position: Position,
    sentMs: number,
    nowMs: number,
    jitter: number,
    retryAfterMs: number | undefined,
  ): number | undefined {
    let attempted = this.#attempted.get(position);
    if (attempted === undefined) {
      attempted = { failures: 0, firstAttemptMs: sentMs };
      this.#attempted.set(position, attempted);
    }
    const delayMs = backoffMs(this.#limits, attempted.failures++, jitter, retryAfterMs);
    if (this.#limits.maxAgeMs === 0) return delayMs;
    const leftMs = attempted.firstAttemptMs + this.#limits.maxAgeMs - nowMs;
    return leftMs <= 0 ? undefined : Math.min(delayMs, leftMs);
  }

  /** The event is settled. */
  forget(position: Position): void {
    this.#attempted.delete(position);
  }
}
