/** A disk that failed may be back soon; one that is full, or that somebody has to mend, takes longer. */
const FIRST_DELAY_MS = 60_000;
const LONGEST_DELAY_MS = 960_000;

/** When the slots that have no worker, and have segments, are to be emptied, given what came of it before. */
export class EmptyingAttempts {
  readonly #tried = new Map<string, { readonly delayMs: number; readonly dueMs: number }>();

  isDue(slot: string, nowMs: number): boolean {
    return nowMs >= (this.#tried.get(slot)?.dueMs ?? 0);
  }

  /**
   * The slot could not be emptied, or was, in which case its segments should be gone. Returns in
   * how many milliseconds it is due again if they are not: twice as many as the last time, up
   * to 16 minutes.
   */
  tried(slot: string, nowMs: number): number {
    const last = this.#tried.get(slot)?.delayMs ?? FIRST_DELAY_MS / 2;
    const delayMs = Math.min(2 * last, LONGEST_DELAY_MS);
    this.#tried.set(slot, { delayMs, dueMs: nowMs + delayMs });
    return delayMs;
  }

  /** The slot is empty, and its segments are to stay. */
  done(slot: string): void {
    this.#tried.set(slot, { delayMs: LONGEST_DELAY_MS, dueMs: Number.POSITIVE_INFINITY });
  }
}
