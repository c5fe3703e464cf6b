/** Time and timers, passed in so that a test or a simulation decides what time it is. */
export interface Clock {
  /** Unix time in milliseconds. May jump either way. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. For ages, delays and timeouts. */
  monotonicMs(): number;
  /** Calls `run` once, after at least `delayMs`. The timer keeps the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
