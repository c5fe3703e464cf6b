import type { Clock } from "../core/clock.ts";

/** Sleeps are no shorter, so that a high rate does not cost a timer for each event. */
const SHORTEST_SLEEP_MS = 10;

/** Lets so many events through in a second, evenly, and never more than those of a tenth of a second at once. */
export class Pace {
  readonly #perMs: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #dueMs: number;

  /** @param eventsPerSecond infinite: as fast as the sink takes them */
  constructor(eventsPerSecond: number, clock: Clock, signal: AbortSignal) {
    this.#perMs = eventsPerSecond / 1_000;
    this.#clock = clock;
    this.#signal = signal;
    this.#dueMs = clock.monotonicMs();
  }

  /** Resolves when the next event may go. */
  async next(): Promise<void> {
    if (this.#perMs === Number.POSITIVE_INFINITY) return;
    const nowMs = this.#clock.monotonicMs();
    // Time in which nothing was sent is not made up for.
    this.#dueMs = Math.max(this.#dueMs, nowMs - 100);
    this.#dueMs += 1 / this.#perMs;
    if (this.#dueMs - nowMs >= SHORTEST_SLEEP_MS) await sleep(this.#clock, this.#dueMs - nowMs, this.#signal);
  }
}

/** Resolves after a time, or when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = clock.after(ms, resolve);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => timer.cancel());
}
