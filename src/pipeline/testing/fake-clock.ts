import type { Clock, Timer } from "../../core/clock.ts";

interface FakeTimer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #wallMs = 1_700_000_000_000;
  readonly #timers = new Set<FakeTimer>();

  nowMs(): number {
    return this.#wallMs + this.#nowMs;
  }

  /** Sets the wall clock, forward or back. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets time pass without running timers. */
  pass(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Lets time pass: runs the timers that become due, in order, and what follows from each. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await turn();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await turn();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }
}

/** Lets promises and what was put off to the next turn of the event loop run, the latter twice in a row. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
