import type { Position } from "../core/event.ts";
import { type BackoffLimits, backoffMs } from "./backoff.ts";

/** The `retry` settings of a sink. */
export interface RetryLimits extends BackoffLimits {
  /** An event is given up when an attempt fails this long after its receipt, or later; 0: never. */
  readonly maxAgeMs: number;
}

/**
 * How often each event that is not settled has failed. An event that is delivered at its
 * first attempt is never in here.
 */
export class Attempts {
  readonly #limits: RetryLimits;
  readonly #ageMs: (position: Position, receivedMs: number) => number;
  readonly #failures = new Map<Position, number>();

  /** @param ageMs how long ago an event was received */
  constructor(limits: RetryLimits, ageMs: (position: Position, receivedMs: number) => number) {
    this.#limits = limits;
    this.#ageMs = ageMs;
  }

  get size(): number {
    return this.#failures.size;
  }

  /**
   * Takes note of a failed attempt. Returns how long to wait before the next, in
   * milliseconds, or `undefined` when the event is to be given up. The last attempt is
   * made when the event reaches `maxAgeMs`, not later.
   */
  failed(
    event: { readonly position: Position; readonly receivedMs: number },
    jitter: number,
    retryAfterMs: number | undefined,
  ): number | undefined {
    const failures = this.#failures.get(event.position) ?? 0;
    this.#failures.set(event.position, failures + 1);
    const delayMs = backoffMs(this.#limits, failures, jitter, retryAfterMs);
    if (this.#limits.maxAgeMs === 0) return delayMs;
    const leftMs = this.#limits.maxAgeMs - this.#ageMs(event.position, event.receivedMs);
    return leftMs <= 0 ? undefined : Math.min(delayMs, leftMs);
  }

  /** The event is settled. */
  forget(position: Position): void {
    this.#failures.delete(position);
  }

  /** The sink was dead and is back: what failed meanwhile says nothing of the events. */
  forgetAll(): void {
    this.#failures.clear();
  }
}
