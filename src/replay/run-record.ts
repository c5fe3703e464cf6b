import type { Position } from "../core/event.ts";
import type { SettledCount } from "../core/ledger.ts";
import type { SkipReason } from "./event-store.ts";
import { ReplayTally } from "./replay-ledger.ts";
import type { RunState } from "./run-state.ts";

/** In a saved state, what was delivered; anything else is the code with which it was refused. */
const DELIVERED = "delivered";

interface Fed {
  /** `undefined` for what an earlier start has settled. */
  readonly position: Position | undefined;
  readonly unit: string;
  readonly index: number;
  /** What was skipped between the event before it and this one; most have nothing. */
  readonly skipped: ReadonlyMap<SkipReason, number> | undefined;
  outcome: string | undefined;
}

/**
 * The books of a run, and what is to be saved of them: the place up to which everything is settled,
 * the counts up to there, and what was settled beyond. Going on from there reads again what lies
 * beyond, and sends none of it that was settled.
 */
export class RunRecord {
  /** Of all that was read, settled or not. */
  readonly tally: ReplayTally;
  /** As of the cursor. */
  readonly #saved: ReplayTally;
  readonly #before: RunState;
  readonly #aheadBefore: ReadonlyMap<string, string>;
  #cursor: RunState["cursor"];
  #fed: Fed[] = [];
  #next = 0;
  readonly #byPosition = new Map<Position, Fed>();
  #skipped = new Map<SkipReason, number>();

  constructor(before: RunState) {
    this.#before = before;
    this.tally = new ReplayTally(before);
    this.#saved = new ReplayTally(before);
    this.#cursor = before.cursor;
    this.#aheadBefore = new Map(before.ahead.map(({ unit, index, outcome }) => [`${index} ${unit}`, outcome]));
  }

  /** Whether an earlier start has settled all of a unit. */
  isPast(unit: string): boolean {
    return this.#before.cursor !== null && unit < this.#before.cursor.unit;
  }

  /** Whether an earlier start has settled an item, and counted it. */
  isDone(unit: string, index: number): boolean {
    const { cursor } = this.#before;
    return cursor !== null && unit === cursor.unit && index <= cursor.index;
  }

  skip(reason: SkipReason, unit: string, index: number): void {
    this.tally.read++;
    this.tally.skip(reason);
    if (this.#next === this.#fed.length) {
      this.#saveSkipped();
      this.#saved.read++;
      this.#saved.skip(reason);
      this.#cursor = { unit, index };
    } else this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
  }

  /** True when an earlier start has settled an event beyond its cursor, so that it must not be sent. */
  wasAhead(unit: string, index: number): boolean {
    const outcome = this.#aheadBefore.get(`${index} ${unit}`);
    if (outcome === undefined) return false;
    this.#feed({ position: undefined, unit, index, outcome });
    count(this.tally, outcome);
    this.#advance(0);
    return true;
  }

  feed(position: Position, unit: string, index: number): void {
    this.#byPosition.set(position, this.#feed({ position, unit, index, outcome: undefined }));
  }

  #feed(event: Omit<Fed, "skipped">): Fed {
    this.tally.read++;
    const skipped = this.#skipped.size === 0 ? undefined : this.#skipped;
    if (skipped !== undefined) this.#skipped = new Map();
    const fed = { ...event, skipped };
    this.#fed.push(fed);
    return fed;
  }

  /** Where the event of a position is from. */
  placeOf(position: Position): { readonly unit: string; readonly index: number } | undefined {
    return this.#byPosition.get(position);
  }

  delivered(position: Position): void {
    this.#settled(position, DELIVERED);
  }

  refused(position: Position, code: string): void {
    this.#settled(position, code);
  }

  #settled(position: Position, outcome: string): void {
    count(this.tally, outcome);
    const fed = this.#byPosition.get(position);
    if (fed !== undefined) fed.outcome = outcome;
  }

  /** The pipeline's cursor has moved; `counts` says how many events it passed that were not for the sink. */
  move(cursor: Position, counts: readonly SettledCount[]): void {
    for (const { outcome, events } of counts) {
      if (outcome.kind !== "dropped") continue;
      const reason = outcome.reason === "filtered" ? "sink_filtered" : "sink_filter_error";
      this.tally.skip(reason, events);
      this.#saved.skip(reason, events);
    }
    this.#advance(cursor);
  }

  #advance(cursor: Position): void {
    for (;;) {
      const fed = this.#fed[this.#next];
      if (fed === undefined || (fed.position !== undefined && fed.position >= cursor)) break;
      this.#next++;
      if (fed.position !== undefined) this.#byPosition.delete(fed.position);
      this.#saved.read++;
      if (fed.outcome !== undefined) count(this.#saved, fed.outcome);
      if (fed.skipped !== undefined) this.#addSkipped(fed.skipped);
      this.#cursor = { unit: fed.unit, index: fed.index };
    }
    if (this.#next < 1_000 && this.#next < this.#fed.length) return;
    this.#fed = this.#fed.slice(this.#next);
    this.#next = 0;
  }

  /** What was skipped since the last event that was fed: it lies below the cursor now. */
  #saveSkipped(): void {
    this.#addSkipped(this.#skipped);
    this.#skipped = new Map();
  }

  #addSkipped(skipped: ReadonlyMap<SkipReason, number>): void {
    for (const [reason, events] of skipped) {
      this.#saved.read += events;
      this.#saved.skip(reason, events);
    }
  }

  /** @param isThrough nothing is left to be read or settled */
  state(isThrough: boolean): RunState {
    if (isThrough) this.#saveSkipped();
    const ahead = this.#fed
      .slice(this.#next)
      .flatMap(({ unit, index, outcome }) => (outcome === undefined ? [] : [{ unit, index, outcome }]));
    const { read, delivered, refused, skipped } = this.#saved.ledger();
    return {
      ...this.#before,
      finished: isThrough,
      cursor: this.#cursor,
      ahead,
      read,
      delivered,
      refused: { ...refused },
      skipped: { ...skipped },
    };
  }
}

function count(tally: ReplayTally, outcome: string): void {
  if (outcome === DELIVERED) tally.delivered++;
  else tally.refuse(outcome);
}
