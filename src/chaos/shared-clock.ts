/**
 * Milliseconds of the machine's monotonic clock, the same in all its processes: times that
 * one took can be compared with those of another. `performance.now()` counts from each
 * process's own start, and the wall clock is made to jump.
 */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
