import assert from "node:assert/strict";
import type { Position } from "../core/event.ts";
import { STANDING, type Standing } from "./standing.ts";

interface Run {
  readonly first: Position;
  end: Position;
  readonly standing: Standing;
}

/**
 * Remembers the most recent positions below a cursor that were not delivered, so that a
 * receipt can be answered. Neighbours of the same standing take one place. What is older
 * than the oldest of `maxRuns` places is forgotten.
 */
export class RecentExceptions {
  readonly #maxRuns: number;
  #runs: Run[] = [];
  #horizon: Position;
  #end: Position;

  /** Nothing is known of positions below `from`. */
  constructor(from: Position, maxRuns: number) {
    this.#horizon = from;
    this.#end = from;
    this.#maxRuns = maxRuns;
  }

  /** Adds `count` positions. They must come in order and once. */
  add(first: Position, count: number, standing: Standing): void {
    assert(first >= this.#end, "exceptions come in order");
    this.#end = first + count;
    const last = this.#runs.at(-1);
    if (last?.end === first && last.standing === standing) {
      last.end = this.#end;
      return;
    }
    this.#runs.push({ first, end: this.#end, standing });
    // Forgetting half at a time keeps each addition cheap.
    if (this.#runs.length <= 2 * this.#maxRuns) return;
    this.#horizon = this.#runs[this.#maxRuns]?.end ?? this.#horizon;
    this.#runs = this.#runs.slice(this.#maxRuns + 1);
  }

  /** The standing of a position that the cursor has passed. */
  standingOf(position: Position): Standing {
    if (position < this.#horizon) return STANDING.forgotten;
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.end ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    return run !== undefined && run.first <= position ? run.standing : STANDING.delivered;
  }
}
