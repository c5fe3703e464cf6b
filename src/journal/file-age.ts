import type { Clock } from "../core/clock.ts";

/**
 * When a file was modified, by the monotonic clock; below 0 when that was before the start.
 * From then on its age does not jump when the wall clock is set. A time in the future, which
 * a clock that was set back leaves, counts as now.
 */
export function modifiedAt(clock: Clock, modifiedMs: number): number {
  return clock.monotonicMs() - Math.max(0, clock.nowMs() - modifiedMs);
}
