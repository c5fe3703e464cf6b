import { isRfc3339 } from "../rfc3339.ts";

/** When a message happened, by the clocks of whoever sent it. Values are as sent, of any type. */
export interface SenderTimes {
  /** What the sender's clock said when it happened; goes before `timestamp`. */
  readonly originalTimestamp: unknown;
  readonly timestamp: unknown;
  /** What the same clock said when it was sent. */
  readonly sentAt: unknown;
}

/** Beyond these the year has not four digits, as RFC 3339 wants it. */
const MIN_TIME_MS = Date.parse("0000-01-01T00:00:00Z");
const MAX_TIME_MS = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * When a message happened, by our clock: `receivedAt - (sentAt - originalTimestamp)`, as Segment
 * documents it (Spec: Common Fields, Timestamps). Sending is taken to need no time, so what the
 * sender's clock was wrong by falls out.
 *
 * Without `sentAt`, or where either is no time to reckon with, what was sent; `undefined` when
 * nothing was.
 */
export function correctedTime({ originalTimestamp, timestamp, sentAt }: SenderTimes, receivedMs: number): unknown {
  const happened = originalTimestamp ?? timestamp ?? undefined;
  const ms = receivedMs - (milliseconds(sentAt) - milliseconds(happened));
  return ms >= MIN_TIME_MS && ms <= MAX_TIME_MS ? new Date(ms).toISOString() : happened;
}

/** NaN for what is no time, and for a leap second, which dates do not have. */
function milliseconds(time: unknown): number {
  return typeof time === "string" && isRfc3339(time) ? Date.parse(time) : Number.NaN;
}
