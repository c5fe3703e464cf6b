/** The delay doubles from this with each end within `withinMs`... */
const FIRST_DELAY_MS = 100;
/** ...up to this. */
const LONGEST_DELAY_MS = 30_000;

/** Restart intensity, as in OTP. */
export interface RestartLimits {
  readonly maxRestarts: number;
  readonly withinMs: number;
}

/**
 * When a worker that ended is started again: at once the first time within `withinMs`, then
 * after a delay that grows while it keeps ending. More than `maxRestarts` deaths within that
 * time exceed its restart intensity; it is then only tried with the longest delay, until it
 * worked for `withinMs`.
 *
 * Both count over the same time, so that no worker becomes slow to come back without the
 * intensity being exceeded, which is told.
 */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  readonly #random: () => number;
  #deathsMs: number[] = [];
  /** Deaths and orderly ends. */
  #endsMs: number[] = [];
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
    this.#forget(nowMs, workedMs);
    this.#deathsMs.push(nowMs);
    if (this.#deathsMs.length > this.#limits.maxRestarts) this.#isExceeded = true;
    return this.#delayMs(nowMs);
  }

  /** The worker ended in order, without being told by its supervisor: as `died`, but it does not count for the intensity. */
  endedInOrder(nowMs: number, workedMs: number): number {
    this.#forget(nowMs, workedMs);
    return this.#delayMs(nowMs);
  }

  #forget(nowMs: number, workedMs: number): void {
    const { withinMs } = this.#limits;
    const isSound = workedMs >= withinMs;
    const counts = (endMs: number) => !isSound && endMs > nowMs - withinMs;
    this.#deathsMs = this.#deathsMs.filter(counts);
    this.#endsMs = this.#endsMs.filter(counts);
    if (isSound) this.#isExceeded = false;
  }

  #delayMs(nowMs: number): number {
    const earlier = this.#endsMs.length;
    this.#endsMs.push(nowMs);
    if (earlier === 0 && !this.#isExceeded) return 0;
    const doubledMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (earlier - 1));
    const ceilingMs = this.#isExceeded ? LONGEST_DELAY_MS : doubledMs;
    return ceilingMs * (0.5 + 0.5 * this.#random());
  }
}
