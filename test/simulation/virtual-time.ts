import type { Clock, Timer } from "../../src/core/clock.ts";

interface VirtualTimer {
  readonly dueMs: number;
  /** Breaks ties: what was asked for first runs first. */
  readonly order: number;
  readonly owner: { readonly alive: boolean };
  readonly run: () => void;
  cancelled: boolean;
}

const WORLD = { alive: true };

/**
 * The time of a simulated world. It stands still while code runs, and jumps to the next
 * thing that is due.
 */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  /** A binary heap, by due time. */
  readonly #heap: VirtualTimer[] = [];
  /** How far the wall clock is from where it should be. */
  wallOffsetMs = 0;

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** What the wall clock shows, in Unix milliseconds. */
  get wallMs(): number {
    return Math.floor(1_764_000_000_000 + this.#nowMs + this.wallOffsetMs);
  }

  /** Calls `run` in `delayMs`. Nothing happens when `owner` is not alive by then. */
  after(delayMs: number, run: () => void, owner: { readonly alive: boolean } = WORLD): Timer {
    const dueMs = this.#nowMs + Math.max(0, delayMs);
    const timer: VirtualTimer = { dueMs, order: this.#order++, owner, run, cancelled: false };
    this.#push(timer);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  /** Resolves in `delayMs`, unless `owner` is not alive by then: then never. */
  async wait(delayMs: number, owner?: { readonly alive: boolean }): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve, owner));
  }

  /** The clock as one process sees it. */
  clockOf(owner: { readonly alive: boolean }): Clock {
    return {
      nowMs: () => this.wallMs,
      monotonicMs: () => this.#nowMs,
      after: (delayMs, run) => this.after(delayMs, run, owner),
    };
  }

  /** Jumps to the next timer and runs it. False when there is none, or none before `untilMs`. */
  step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > untilMs) return false;
      this.#shift();
      if (next.cancelled || !next.owner.alive) continue;
      this.#nowMs = next.dueMs;
      next.run();
      return true;
    }
  }

  #push(timer: VirtualTimer): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(timer);
    while (hole > 0) {
      const above = (hole - 1) >>> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(timer, parent)) break;
      heap[hole] = parent;
      hole = above;
    }
    heap[hole] = timer;
  }

  #shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      const left = heap[below];
      const right = heap[below + 1];
      if (left !== undefined && right !== undefined && isBefore(right, left)) below++;
      const child = heap[below];
      if (child === undefined || !isBefore(child, last)) break;
      heap[hole] = child;
      hole = below;
    }
    heap[hole] = last;
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
