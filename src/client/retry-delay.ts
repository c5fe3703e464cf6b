/** A jitter of nearly 0 must not turn retries into a busy loop. */
const LEAST_DELAY_MS = 5;

/** A collector, or a proxy before it, may ask for a pause; one that asks for longer is asked again after an hour. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface RetryLimits {
  readonly minRetryDelayMs: number;
  readonly maxRetryDelayMs: number;
}

/**
 * Exponential backoff with full jitter, so that clients that failed together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param retries how often it was retried before, from 0
 * @param jitter from 0 up to 1
 */
export function retryDelayMs(limits: RetryLimits, retries: number, jitter: number): number {
  const ceilingMs = Math.min(limits.maxRetryDelayMs, limits.minRetryDelayMs * 2 ** retries);
  return Math.max(LEAST_DELAY_MS, jitter * ceilingMs);
}

/** How long a `Retry-After` header asks to wait, in seconds or until a date; 0 when it is not there or not understood. */
export function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const askedMs = /^\s*\d+\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  // What is no date is NaN, which is not above 0.
  return askedMs > 0 ? Math.min(askedMs, MAX_RETRY_AFTER_MS) : 0;
}
