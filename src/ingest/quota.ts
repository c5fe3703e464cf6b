export interface QuotaLimits {
  readonly eventsPerSecond: number;
  /** Events that may come at once after a quiet time. */
  readonly burst: number;
}

/*
 * A token bucket as a single number: the time at which it is empty, or was, when nothing
 * more is taken from it. What is in it now are the tokens of the time since then.
 */

/** How long until there is a token, in milliseconds; 0: now. */
export function waitMs(emptyAtMs: number, { eventsPerSecond }: QuotaLimits, nowMs: number): number {
  if (nowMs > emptyAtMs) return 0;
  // To a whole token, not just out of debt, so that rounding never makes the wait too short.
  return emptyAtMs - nowMs + 1000 / eventsPerSecond;
}

/** When a bucket is empty that pays for `events` now. */
export function emptyAfter(emptyAtMs: number, { eventsPerSecond, burst }: QuotaLimits, events: number, nowMs: number) {
  return Math.max(emptyAtMs, nowMs - (burst * 1000) / eventsPerSecond) + (events * 1000) / eventsPerSecond;
}

/** When a bucket is empty that goes on under new limits with what is in it, or full if it was full. */
export function emptyUnder(limits: QuotaLimits, emptyAtMs: number, earlier: QuotaLimits, nowMs: number): number {
  const held = ((nowMs - emptyAtMs) * earlier.eventsPerSecond) / 1000;
  const tokens = held >= earlier.burst ? limits.burst : Math.min(held, limits.burst);
  return nowMs - (tokens * 1000) / limits.eventsPerSecond;
}

/**
 * A token bucket whose time is passed in.
 *
 * A request is admitted while there is any token, and then pays for all of its events,
 * if need be on credit. So a batch larger than the burst is not starved for ever, nor
 * does it pass for free: the sender waits until the debt is paid.
 */
export class Quota {
  readonly limits: QuotaLimits;
  #emptyAtMs: number;

  /** A full bucket, or with `earlier` one that goes on from it under new limits. */
  constructor(limits: QuotaLimits, nowMs: number, earlier?: Quota) {
    this.limits = limits;
    this.#emptyAtMs =
      earlier === undefined
        ? emptyAfter(Number.NEGATIVE_INFINITY, limits, 0, nowMs)
        : emptyUnder(limits, earlier.#emptyAtMs, earlier.limits, nowMs);
  }

  /** How long until a request is admitted, in milliseconds; 0: now. */
  waitMs(nowMs: number): number {
    return waitMs(this.#emptyAtMs, this.limits, nowMs);
  }

  charge(events: number, nowMs: number): void {
    this.#emptyAtMs = emptyAfter(this.#emptyAtMs, this.limits, events, nowMs);
  }
}
