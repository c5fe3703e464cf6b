import assert from "node:assert/strict";
import type { CollectedEvent, Position } from "./event.ts";

/** What finally became of an event at one sink. */
export type Outcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "dead-lettered" }
  /** Given up on purpose or by force; the reason is a stable word such as `filtered`. */
  | { readonly kind: "dropped"; readonly reason: string };

/** Events of one source that had the same outcome, as a cursor passed them. */
export interface SettledCount {
  readonly source: string;
  readonly outcome: Outcome;
  readonly events: number;
}

/** One line of the ledger: what a sink owes to a source. */
export interface LedgerRow {
  readonly source: string;
  readonly sink: string;
  /** Events accepted from the source since the sink exists. */
  readonly accepted: number;
  readonly delivered: number;
  readonly deadLettered: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Accepted and not yet settled: `accepted` less the other columns. */
  readonly held: number;
}

/** Numbers of events by source and reason. */
export type EventsByReason = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * Most reasons that are told apart for what the clients of one source report to have dropped:
 * they come from outside. Others are counted as {@link OTHER_REASON}.
 */
const MAX_CLIENT_REASONS = 32;

const OTHER_REASON = "other";

interface Tally {
  accepted: number;
  delivered: number;
  deadLettered: number;
  dropped: Record<string, number>;
}

interface Account {
  cursor: Position;
  /**
   * Positions at or above the cursor that are known to hold no event. Below zero once the
   * cursor has passed more than were known: those were events, and are to be written off.
   */
  missing: number;
  tallies: Map<string, Tally>;
}

/** The ledger and the cursors as they are kept on disk, together, so that they always agree. */
export interface Checkpoint {
  readonly version: 1;
  /** Every event below this position is counted as accepted. */
  readonly countedTo: Position;
  readonly accepted: Readonly<Record<string, number>>;
  readonly quarantined: Readonly<Record<string, number>>;
  /** Absent where nothing was filtered, so that versions that do not know it can read the rest. */
  readonly filtered?: EventsByReason | undefined;
  /** Absent where no client has reported anything. */
  readonly clientDropped?: EventsByReason | undefined;
  readonly sinks: Readonly<
    Record<
      string,
      { readonly cursor: Position; readonly missing: number; readonly tallies: Readonly<Record<string, Tally>> }
    >
  >;
}

/**
 * The conservation counters of one journal slot:
 * accepted = delivered + dead-lettered + dropped (by reason) + held,
 * for each source and sink.
 *
 * An event counts as settled when the sink's cursor has passed it, not when its batch
 * returns, so the counters and the cursor are one fact and survive a crash together.
 *
 * Invariant: the events held by a sink over all sources are those between its cursor
 * and the end of the journal.
 */
export class Ledger {
  #countedTo: Position;
  readonly #accepted: Map<string, number>;
  readonly #quarantined: Map<string, number>;
  readonly #filtered: ReasonCounts;
  readonly #clientDropped: ReasonCounts;
  readonly #accounts = new Map<string, Account>();

  /** A new ledger, or the one a checkpoint describes. */
  constructor(checkpoint?: Checkpoint) {
    this.#countedTo = checkpoint?.countedTo ?? 0;
    this.#accepted = new Map(Object.entries(checkpoint?.accepted ?? {}));
    this.#quarantined = new Map(Object.entries(checkpoint?.quarantined ?? {}));
    this.#filtered = new ReasonCounts(checkpoint?.filtered);
    this.#clientDropped = new ReasonCounts(checkpoint?.clientDropped, MAX_CLIENT_REASONS);
    for (const [sink, saved] of Object.entries(checkpoint?.sinks ?? {})) {
      const tallies = Object.entries(saved.tallies).map(([source, tally]): [string, Tally] => [
        source,
        { ...tally, dropped: { ...tally.dropped } },
      ]);
      this.#accounts.set(sink, { cursor: saved.cursor, missing: saved.missing, tallies: new Map(tallies) });
    }
  }

  /** Every event below this position has been counted. */
  get countedTo(): Position {
    return this.#countedTo;
  }

  get sinks(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  /** Counts events that were written to the journal. They must come in order and once. */
  accept(events: readonly CollectedEvent[]): void {
    let start = 0;
    while (start < events.length) {
      const source = events[start]?.source ?? "";
      let end = start + 1;
      while (end < events.length && events[end]?.source === source) end++;
      this.#acceptFrom(source, events.slice(start, end));
      start = end;
    }
  }

  #acceptFrom(source: string, events: readonly CollectedEvent[]): void {
    const first = events[0];
    const last = events.at(-1);
    assert(first !== undefined && last !== undefined && first.position >= this.#countedTo, "an event is counted once");
    const missing = last.position + 1 - this.#countedTo - events.length;
    this.#accepted.set(source, (this.#accepted.get(source) ?? 0) + events.length);
    for (const account of this.#accounts.values()) {
      tallyOf(account, source).accepted += events.length;
      account.missing += missing;
    }
    this.#countedTo = last.position + 1;
  }

  /** Counts events that failed validation and were set aside. */
  quarantine(source: string, events: number): void {
    this.#quarantined.set(source, (this.#quarantined.get(source) ?? 0) + events);
  }

  quarantined(): ReadonlyMap<string, number> {
    return this.#quarantined;
  }

  /** Counts events that were answered as accepted and are kept out of the journal by a rule of their source. */
  filter(source: string, reason: string, events: number): void {
    this.#filtered.add(source, reason, events);
  }

  filtered(): EventsByReason {
    return this.#filtered.bySource();
  }

  /** Counts events that clients of a source say they dropped before they sent them. */
  reportClientDropped(source: string, reason: string, events: number): void {
    this.#clientDropped.add(source, reason, events);
  }

  clientDropped(): EventsByReason {
    return this.#clientDropped.bySource();
  }

  /** Events accepted from each source since the ledger began. */
  accepted(): ReadonlyMap<string, number> {
    return this.#accepted;
  }

  /** Starts an account for a sink at the end of the journal, or returns the cursor of the one it has. */
  open(sink: string): Position {
    const account = this.#accounts.get(sink);
    if (account !== undefined) return account.cursor;
    this.#accounts.set(sink, { cursor: this.#countedTo, missing: 0, tallies: new Map() });
    return this.#countedTo;
  }

  /** Ends a sink's account: it is no longer configured, and what it held is no longer owed. */
  forget(sink: string): void {
    this.#accounts.delete(sink);
  }

  cursor(sink: string): Position {
    return this.#account(sink).cursor;
  }

  /** The position below which every sink has settled everything. */
  lowestCursor(): Position {
    let lowest = this.#countedTo;
    for (const account of this.#accounts.values()) lowest = Math.min(lowest, account.cursor);
    return lowest;
  }

  /**
   * Moves a sink's cursor up to `cursor`, over exactly the events that `counts` lists
   * and over `missing` positions that hold none.
   */
  settle(sink: string, cursor: Position, counts: readonly SettledCount[], missing = 0): void {
    const account = this.#account(sink);
    let events = missing;
    for (const count of counts) {
      const tally = tallyOf(account, count.source);
      addOutcome(tally, count.outcome, count.events);
      events += count.events;
    }
    assert(cursor <= this.#countedTo, "a cursor stays within the journal");
    assert.equal(cursor - account.cursor, events, "a cursor moves only over settled events");
    account.cursor = cursor;
    account.missing -= missing;
  }

  /**
   * Closes the books on the events of a sink that the journal has lost: those that it owes beyond
   * what is there, given as the number of events of each source from its cursor to the end of the
   * journal. Returns how many are lost.
   */
  writeOff(sink: string, there: ReadonlyMap<string, number>, reason: string): number {
    const account = this.#account(sink);
    let lost = 0;
    for (const [source, tally] of account.tallies) {
      const gone = owed(tally) - (there.get(source) ?? 0);
      if (gone <= 0) continue;
      addOutcome(tally, { kind: "dropped", reason }, gone);
      lost += gone;
    }
    account.missing += lost;
    return lost;
  }

  /** Events that a sink's cursor has passed without finding them, and that are not written off yet. */
  lacking(sink: string): number {
    return Math.max(0, -this.#account(sink).missing);
  }

  /** Continues at `end`, above every position used so far, after the journal lost its newest records. */
  skipTo(end: Position): void {
    assert(end >= this.#countedTo, "positions only go up");
    for (const account of this.#accounts.values()) account.missing += end - this.#countedTo;
    this.#countedTo = end;
  }

  rows(): LedgerRow[] {
    const rows: LedgerRow[] = [];
    for (const [sink, account] of this.#accounts) {
      for (const [source, tally] of account.tallies) {
        rows.push({ source, sink, ...tally, dropped: { ...tally.dropped }, held: owed(tally) });
      }
    }
    return rows;
  }

  /** Events a sink still has to settle. */
  held(sink: string): number {
    let held = 0;
    for (const tally of this.#account(sink).tallies.values()) held += owed(tally);
    return held;
  }

  /** True when what each sink owes is exactly what lies between its cursor and the end of the journal. */
  balances(): boolean {
    for (const [sink, account] of this.#accounts) {
      if (this.held(sink) !== this.#countedTo - account.cursor - account.missing) return false;
      for (const tally of account.tallies.values()) if (owed(tally) < 0) return false;
    }
    return true;
  }

  checkpoint(): Checkpoint {
    const sinks: Record<string, Checkpoint["sinks"][string]> = {};
    for (const [sink, account] of this.#accounts) {
      sinks[sink] = { cursor: account.cursor, missing: account.missing, tallies: Object.fromEntries(account.tallies) };
    }
    return structuredClone({
      version: 1,
      countedTo: this.#countedTo,
      accepted: Object.fromEntries(this.#accepted),
      quarantined: Object.fromEntries(this.#quarantined),
      ...(this.#filtered.isEmpty ? {} : { filtered: this.filtered() }),
      ...(this.#clientDropped.isEmpty ? {} : { clientDropped: this.clientDropped() }),
      sinks,
    });
  }

  #account(sink: string): Account {
    const account = this.#accounts.get(sink);
    assert(account !== undefined, `no account is open for sink ${sink}`);
    return account;
  }
}

/** Counts events by source and reason. */
class ReasonCounts {
  readonly #bySource = new Map<string, Map<string, number>>();
  readonly #maxReasons: number;

  /** @param maxReasons most reasons of one source; further ones are counted together */
  constructor(saved: EventsByReason = {}, maxReasons = Number.POSITIVE_INFINITY) {
    this.#maxReasons = maxReasons;
    for (const [source, reasons] of Object.entries(saved)) this.#bySource.set(source, new Map(Object.entries(reasons)));
  }

  get isEmpty(): boolean {
    return this.#bySource.size === 0;
  }

  add(source: string, reason: string, events: number): void {
    let reasons = this.#bySource.get(source);
    if (reasons === undefined) this.#bySource.set(source, (reasons = new Map()));
    const known = reasons.has(reason) || reasons.size < this.#maxReasons ? reason : OTHER_REASON;
    // Reports add up to whatever clients say: beyond this a sum would not be exact.
    reasons.set(known, Math.min(Number.MAX_SAFE_INTEGER, (reasons.get(known) ?? 0) + events));
  }

  bySource(): EventsByReason {
    return Object.fromEntries([...this.#bySource].map(([source, reasons]) => [source, Object.fromEntries(reasons)]));
  }
}

function tallyOf(account: Account, source: string): Tally {
  let tally = account.tallies.get(source);
  if (tally === undefined) {
    tally = { accepted: 0, delivered: 0, deadLettered: 0, dropped: {} };
    account.tallies.set(source, tally);
  }
  return tally;
}

function owed(tally: Tally): number {
  let settled = tally.delivered + tally.deadLettered;
  for (const events of Object.values(tally.dropped)) settled += events;
  return tally.accepted - settled;
}

function addOutcome(tally: Tally, outcome: Outcome, events: number): void {
  switch (outcome.kind) {
    case "delivered":
      tally.delivered += events;
      break;
    case "dead-lettered":
      tally.deadLettered += events;
      break;
    case "dropped":
      tally.dropped[outcome.reason] = (tally.dropped[outcome.reason] ?? 0) + events;
      break;
  }
}
