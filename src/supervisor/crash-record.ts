/** How far a worker has got, by part of its work, such as the cursor of each sink that is owed events. */
export type Progress = Readonly<Record<string, number>>;

/** Stands for all parts, as long as no worker lived to tell which there are. */
export const ALL_PARTS = "";

/** Deaths of a slot's workers by their own fault that happened without any progress in between. */
export interface Crashes {
  /** Of the part with the most. */
  readonly count: number;
  /** By part of the work that got no further meanwhile. */
  readonly byPart: Readonly<Record<string, number>>;
  /** How the last of them ended; empty when there was none. */
  readonly lastReason: string;
}

/** How far a worker was, in its own words; `undefined` when it died before it was ready. */
export interface Life {
  /** When it was ready. */
  readonly progressAtReady: Progress | undefined;
  /** By its last sign of life. */
  readonly lastProgress: Progress | undefined;
}

/**
 * Counts how often the workers of a slot crashed at the same place.
 *
 * Each part of the work counts for itself: one that is stuck at an event which kills the
 * worker must be found out though another one still gets on. Progress is any change of what
 * is reported of it: within a life, or from one life to the next.
 */
export class CrashRecord {
  #counts = new Map<string, number>();
  #progress: Progress = {};
  #lastReason = "";

  get crashes(): Crashes {
    const count = Math.max(0, ...this.#counts.values());
    return { count, byPart: Object.fromEntries(this.#counts), lastReason: count === 0 ? "" : this.#lastReason };
  }

  /** @param crash how it died, when that was its own fault */
  ended({ progressAtReady, lastProgress = progressAtReady }: Life, crash: string | undefined): void {
    if (progressAtReady !== undefined && lastProgress !== undefined) {
      const counts = new Map<string, number>();
      for (const [part, at] of Object.entries(lastProgress)) {
        const isStuck = at === progressAtReady[part] && at === this.#progress[part];
        counts.set(part, isStuck ? (this.#counts.get(part) ?? 0) : 0);
      }
      this.#counts = counts;
      this.#progress = lastProgress;
    }
    if (crash === undefined) return;
    if (this.#counts.size === 0) this.#counts.set(ALL_PARTS, 0);
    for (const [part, count] of this.#counts) this.#counts.set(part, count + 1);
    this.#lastReason = crash;
  }
}
