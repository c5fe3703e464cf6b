import type { CollectedEvent } from "../core/event.ts";

export interface Retry {
  readonly event: CollectedEvent;
  /** `Sink.eventBytes` of the event. */
  readonly bytes: number;
  readonly dueMs: number;
}

/** Events that wait to be sent again, by due time, and by position when that is the same. A binary heap. */
export class RetryQueue {
  #heap: Retry[] = [];
  /** How many may go before they are due. */
  #early = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Infinite when nothing waits. */
  get nextDueMs(): number {
    if (this.#early > 0 && this.#heap.length > 0) return Number.NEGATIVE_INFINITY;
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** The first retry if it is due, or may go before. */
  peek(nowMs: number): Retry | undefined {
    const first = this.#heap[0];
    return first !== undefined && (first.dueMs <= nowMs || this.#early > 0) ? first : undefined;
  }

  push(retry: Retry): void {
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(retry);
    while (hole > 0) {
      const above = (hole - 1) >>> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(retry, parent)) break;
      heap[hole] = parent;
      hole = above;
    }
    heap[hole] = retry;
  }

  /** Takes what `peek` returned. */
  shift(nowMs: number): Retry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first !== undefined && first.dueMs > nowMs) this.#early--;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
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
    return first;
  }

  /** Lets the next `events` go before they are due, instead of what was allowed before. */
  allowEarly(events: number): void {
    this.#early = events;
  }

  /** Makes everything due, oldest position first. */
  hasten(): void {
    const due = this.#heap.map((retry) => ({ ...retry, dueMs: Number.NEGATIVE_INFINITY }));
    // A sorted list is a heap.
    this.#heap = due.toSorted((a, b) => a.event.position - b.event.position);
  }
}

function isBefore(a: Retry, b: Retry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.event.position < b.event.position);
}
