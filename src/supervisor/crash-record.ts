/** Deaths of a slot's workers by their own fault that happened without any progress in between. */
export interface Crashes {
  readonly count: number;
  /** How the last of them ended; empty when there was none. */
  readonly lastReason: string;
}

/** How far a worker was, in its own words; `undefined` when it died before it was ready. */
export interface Life {
  /** When it was ready. */
  readonly progressAtReady: string | undefined;
  /** By its last sign of life. */
  readonly lastProgress: string | undefined;
}

/**
 * Counts how often the workers of a slot crashed at the same place.
 *
 * Progress is any change of what they report: within a life, or from one life to the next.
 */
export class CrashRecord {
  #count = 0;
  #lastReason = "";
  #progress: string | undefined;

  get crashes(): Crashes {
    return { count: this.#count, lastReason: this.#lastReason };
  }

  /** @param crash how it died, when that was its own fault */
  ended({ progressAtReady, lastProgress }: Life, crash: string | undefined): void {
    if (progressAtReady !== undefined) {
      if (progressAtReady !== this.#progress || lastProgress !== progressAtReady) this.#forget();
      this.#progress = lastProgress;
    }
    if (crash === undefined) return;
    this.#count++;
    this.#lastReason = crash;
  }

  #forget(): void {
    this.#count = 0;
    this.#lastReason = "";
  }
}
