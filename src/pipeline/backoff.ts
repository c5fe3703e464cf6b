/** Bounds of the delays between attempts; the `retry` settings of a sink. */
export interface BackoffLimits {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** A jitter of nearly 0 must not turn a retry into a busy loop. */
const LEAST_DELAY_MS = 5;

/** A destination may ask for a pause; one that asks for longer than an hour is asked again after it. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Exponential backoff with full jitter, which spreads the retries of many clients best
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/): a delay
 * between 0 and `min(maxDelayMs, minDelayMs * 2^retries)`.
 *
 * @param retries how often it was retried before, from 0
 * @param jitter from 0 up to 1
 * @param retryAfterMs what the destination asked for; the delay is not shorter
 */
export function backoffMs(limits: BackoffLimits, retries: number, jitter: number, retryAfterMs = 0): number {
  const ceilingMs = Math.min(limits.maxDelayMs, limits.minDelayMs * 2 ** retries);
  const delayMs = Math.max(Math.min(LEAST_DELAY_MS, ceilingMs), jitter * ceilingMs);
  return Math.max(delayMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}
