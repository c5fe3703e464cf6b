import assert from "node:assert/strict";
import type { CollectedEvent } from "../core/event.ts";

/** Events of a batch that a sink failed over as a whole. They are sent apart from others. */
export interface Part {
  readonly events: readonly CollectedEvent[];
  /** How many writes had been sent when the sink first threw over the batch; `undefined` when it refused it. */
  readonly thrownAfter: number | undefined;
}

interface DuePart extends Part {
  readonly dueMs: number;
}

/**
 * Finds the event that makes a sink fail over a whole batch: the batch is halved, each half is
 * sent on its own, and a half that fails too is halved again, until a single event is left.
 * One bad event among n takes about 2 log n writes.
 *
 * The oldest part goes first, so both halves of a batch are tried before the quarters of
 * one: a sink that takes something shows it early, and is not mistaken for a dead one.
 *
 * Invariant: the events of a part are never put together with others.
 */
export class Bisection {
  #parts: DuePart[] = [];

  /** Infinite when nothing waits. */
  get nextDueMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#parts) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  /** Halves what the sink failed over. */
  split({ events, thrownAfter }: Part, nowMs: number): void {
    assert(events.length > 1, "a single event cannot be split");
    const middle = events.length >>> 1;
    this.defer({ events: events.slice(0, middle), thrownAfter }, nowMs);
    this.defer({ events: events.slice(middle), thrownAfter }, nowMs);
  }

  /** Keeps a part for later, as it is. */
  defer({ events, thrownAfter }: Part, dueMs: number): void {
    this.#parts.push({ events, thrownAfter, dueMs });
  }

  /** Takes the oldest part that is due. */
  next(nowMs: number): Part | undefined {
    if (this.#parts.length === 0) return undefined;
    const index = this.#parts.findIndex(({ dueMs }) => dueMs <= nowMs);
    return index === -1 ? undefined : this.#parts.splice(index, 1)[0];
  }

  /** Makes everything due. */
  hasten(): void {
    this.#parts = this.#parts.map((part) => ({ ...part, dueMs: Number.NEGATIVE_INFINITY }));
  }
}
