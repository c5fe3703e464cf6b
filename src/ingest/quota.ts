export interface QuotaLimits {
  readonly eventsPerSecond: number;
  /** Events that may come at once after a quiet time. */
  readonly burst: number;
}

/**
 * A token bucket whose time is passed in.
 *
 * A request is admitted while there is any token, and then pays for all of its events,
 * if need be on credit. So a batch larger than the burst is not starved for ever, nor
 * does it pass for free: the source waits until the debt is paid.
 */
export class Quota {
  readonly limits: QuotaLimits;
  #tokens: number;
  #atMs: number;

  /** A full bucket, or with `earlier` one that goes on from it under new limits. */
  constructor(limits: QuotaLimits, nowMs: number, earlier?: Quota) {
    this.limits = limits;
    earlier?.refill(nowMs);
    this.#tokens = earlier === undefined ? limits.burst : Math.min(earlier.#tokens, limits.burst);
    this.#atMs = nowMs;
  }

  /** How long until a request is admitted, in milliseconds; 0: now. */
  waitMs(nowMs: number): number {
    this.refill(nowMs);
    if (this.#tokens > 0) return 0;
    // To a whole token, not just out of debt, so that rounding never makes the wait too short.
    return ((1 - this.#tokens) / this.limits.eventsPerSecond) * 1000;
  }

  charge(events: number, nowMs: number): void {
    this.refill(nowMs);
    this.#tokens -= events;
  }

  refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#tokens = Math.min(this.limits.burst, this.#tokens + (elapsedMs / 1000) * this.limits.eventsPerSecond);
    this.#atMs = Math.max(this.#atMs, nowMs);
  }
}

/**
 * Whole seconds for `Retry-After`, at least 1. Up to a half more than the wait, at
 * random, so that those who were refused together do not come back together.
 */
export function retryAfterSeconds(waitMs: number, random: number): number {
  return Math.max(1, Math.ceil((waitMs * (1 + random / 2)) / 1000));
}
