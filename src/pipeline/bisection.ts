import assert from "node:assert/strict";
import type { CollectedEvent } from "../core/event.ts";

interface Part {
  readonly events: readonly CollectedEvent[];
  readonly dueMs: number;
}

/**
 * Finds the event that makes a sink refuse a whole batch: the batch is halved, each half is
 * sent on its own, and a half that is refused is halved again, until a single event is left.
 * One bad event among n takes about 2 log n writes.
 *
 * The newest part goes first, so a search ends before the next begins and few parts wait.
 *
 * Invariant: the events of a part are never put together with others.
 */
export class Bisection {
  #parts: Part[] = [];

  /** Infinite when nothing waits. */
  get nextDueMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#parts) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  /** Halves a batch that was refused. */
  split(events: readonly CollectedEvent[], nowMs: number): void {
    assert(events.length > 1, "a single event cannot be split");
    const middle = events.length >>> 1;
    this.#parts.push({ events: events.slice(middle), dueMs: nowMs });
    this.#parts.push({ events: events.slice(0, middle), dueMs: nowMs });
  }

  /** Keeps a part that could not be sent for later, as it is. */
  defer(events: readonly CollectedEvent[], dueMs: number): void {
    this.#parts.push({ events, dueMs });
  }

  /** Takes the newest part that is due. */
  next(nowMs: number): readonly CollectedEvent[] | undefined {
    const index = this.#parts.findLastIndex(({ dueMs }) => dueMs <= nowMs);
    if (index === -1) return undefined;
    return this.#parts.splice(index, 1)[0]?.events;
  }

  /** Makes everything due. */
  hasten(): void {
    this.#parts = this.#parts.map(({ events }) => ({ events, dueMs: Number.NEGATIVE_INFINITY }));
  }
}
