/** A program that is still being loaded cannot show signs of life yet; a cold disk may take this long. */
const LOADING_MS = 10_000;

/** How often a worker shows a sign of life, so that one that comes late is not taken for a hang. */
export function beatEveryMs(hangMs: number): number {
  return hangMs === 0 ? 1_000 : Math.min(1_000, hangMs / 5);
}

/** How often a supervisor looks. */
export function checkEveryMs(hangMs: number): number {
  return hangMs / 5;
}

/**
 * Judges whether a worker hangs: whether it showed no sign of life for `hangMs`.
 *
 * A supervisor that was stopped itself, or got no processor, has heard nothing meanwhile, and
 * sees it by its own check coming late. It then starts to count anew, rather than kill workers
 * whose signs of life it has not read yet.
 */
export class Heartbeat {
  readonly #hangMs: number;
  #seenMs: number;
  #checkedMs: number;
  #isLoading = true;

  constructor(hangMs: number, nowMs: number) {
    this.#hangMs = hangMs;
    this.#seenMs = nowMs;
    this.#checkedMs = nowMs;
  }

  /** The worker showed a sign of life. */
  seen(nowMs: number): void {
    this.#seenMs = nowMs;
    this.#isLoading = false;
  }

  /** To be called every `checkEveryMs`. */
  hangs(nowMs: number): boolean {
    const isLate = nowMs - this.#checkedMs > 2 * checkEveryMs(this.#hangMs);
    this.#checkedMs = nowMs;
    if (isLate) this.#seenMs = nowMs;
    const allowedMs = this.#isLoading ? Math.max(LOADING_MS, this.#hangMs) : this.#hangMs;
    return nowMs - this.#seenMs >= allowedMs;
  }
}
