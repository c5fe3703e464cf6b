/** The delay doubles from this with each death... */
const FIRST_DELAY_MS = 100;
/** ...up to this. */
const LONGEST_DELAY_MS = 30_000;

/** Restart intensity, as in OTP. */
export interface RestartLimits {
  readonly maxRestarts: number;
  readonly withinMs: number;
}

/**
 * When a worker that ended is started again: at once the first time, then after a delay that
 * grows while it keeps dying. More than `maxRestarts` within `withinMs` exceed its restart
 * intensity; it is then only tried with the longest delay. Once it worked for `withinMs` all
 * of that is forgotten.
 */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  readonly #random: () => number;
  #deathsMs: number[] = [];
  #restarts = 0;
  #isExceeded = false;

  /** @param random from 0 up to 1; spreads the restarts of workers that die together */
  constructor(limits: RestartLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get isExceeded(): boolean {
    return this.#isExceeded;
  }

  /**
   * The worker died; says how long to wait with its replacement.
   *
   * @param workedMs how long it had been ready; 0 when it never was
   */
  died(nowMs: number, workedMs: number): number {
    this.#forget(workedMs);
    const { maxRestarts, withinMs } = this.#limits;
    this.#deathsMs = this.#deathsMs.filter((deathMs) => deathMs > nowMs - withinMs);
    this.#deathsMs.push(nowMs);
    if (this.#deathsMs.length > maxRestarts) this.#isExceeded = true;
    return this.#delayMs();
  }

  /** The worker ended in order, without being told by its supervisor: as `died`, but it does not count for the intensity. */
  endedInOrder(workedMs: number): number {
    this.#forget(workedMs);
    return this.#delayMs();
  }

  #forget(workedMs: number): void {
    if (workedMs < this.#limits.withinMs) return;
    this.#deathsMs = [];
    this.#restarts = 0;
    this.#isExceeded = false;
  }

  #delayMs(): number {
    const restarts = this.#restarts++;
    if (restarts === 0) return 0;
    const doubledMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (restarts - 1));
    const ceilingMs = this.#isExceeded ? LONGEST_DELAY_MS : doubledMs;
    return ceilingMs * (0.5 + 0.5 * this.#random());
  }
}
