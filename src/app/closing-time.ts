/** Long enough for writing the last state, closing files and ending the process. */
const CLOSING_MS = 1_500;

/** What is kept of a drain's time for its end, in milliseconds. */
export function closingTimeMs(drainMs: number): number {
  return Math.min(CLOSING_MS, drainMs / 2);
}
