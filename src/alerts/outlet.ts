import type { Notice } from "./notice.ts";

/** How a channel is doing, for metrics and the admin port. */
export interface OutletFigures {
  readonly channel: string;
  /** Notices that were taken. */
  readonly sent: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Notices that wait. */
  readonly waiting: number;
  /** Notices that were given up, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Why the last attempt failed; `undefined` once one has succeeded. */
  readonly lastError: string | undefined;
}

/**
 * Tells alerts to one channel, in the background: it never keeps anybody waiting.
 *
 * Invariant: what waits is bounded, and what is given up is counted with a reason.
 */
export interface Outlet {
  /** What has begun, goes on or is over, once each. */
  tell(notices: readonly Notice[]): void;
  /** All that fires now; to be called about every second. */
  show(firing: readonly Notice[]): void;
  figures(): OutletFigures;
  /** Sends what waits, at once, and has stopped after `atMostMs`. Safe to call twice. */
  close(atMostMs: number): Promise<void>;
}

/** Bounds of the delays between attempts, doubling, with full jitter. */
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;

/** One that is asked to wait for longer asks again after it. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** @param failures how many attempts have failed in a row, from 1 */
export function retryDelayMs(failures: number, jitter: number, retryAfterMs = 0): number {
  const ceilingMs = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** (failures - 1));
  return Math.max(MIN_DELAY_MS / 2, jitter * ceilingMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
}
