import { isDeepStrictEqual } from "node:util";
import type { CollectedEvent, Position } from "../../src/core/event.ts";
import type { Checkpoint, Ledger, SettledCount } from "../../src/core/ledger.ts";
import type { JournalConfig } from "../../src/journal/config.ts";
import type { Destination } from "./destination.ts";
import type { FoundEvent } from "./found-on-disk.ts";
import type { KnownEvent, KnownEvents } from "./known-events.ts";
import type { Crash } from "./life.ts";
import { checkLossBudget } from "./loss-budget.ts";
import type { World } from "./world.ts";

/** A save begins so long after something was settled, or after the save before it: more must not be delivered twice. */
const SAVE_WITHIN_MS = 100;

/** More than any dead letter takes. */
const MUCH_ROOM_BYTES = 4_000;

interface Placed {
  readonly position: Position;
  readonly event: KnownEvent;
}

/** What one sink has settled, as its pipeline told the ledger. */
interface Account {
  /** Events from here on are its own. */
  readonly opened: Position;
  readonly settled: { readonly cursor: Position; readonly counts: readonly SettledCount[] }[];
}

/** A checkpoint that was to be saved, and what the books said at that moment. */
interface Snapshot {
  readonly checkpoint: Checkpoint;
  readonly accepted: { readonly log: readonly Placed[]; readonly length: number };
  readonly accounts: ReadonlyMap<string, { readonly account: Account; readonly settled: number }>;
}

/** How a process ended. */
export type Ended = Crash | "drain" | "failed start";

/**
 * What the ledger and the cursors have to say, kept apart from them: which events are in
 * the journal, what was accepted, and what each sink has settled.
 */
export class Books {
  readonly #world: World;
  readonly #config: JournalConfig;
  readonly #events: KnownEvents;
  readonly #destinations: ReadonlyMap<string, Destination>;
  /** The dead letters, as `sink id`. */
  letters = new Set<string>();
  /** Dead letters that were deleted so that newer ones had room. */
  readonly #evicted = new Set<string>();
  /** What filters let pass by, as `sink id`. */
  readonly #filtered = new Set<string>();
  /** Where the journal has, or had, an event, whether anybody has seen it or not. */
  readonly #places = new Map<KnownEvent, Position>();
  /** The events of the journal, by position. */
  #present: Placed[] = [];
  /** What the ledger has counted as accepted, by position. */
  #accepted: Placed[] = [];
  #accounts = new Map<string, Account>();
  readonly #snapshots: Snapshot[] = [];
  #saved = -1;
  /** What every sink had settled in some checkpoint that was saved: the journal may have deleted it. */
  #released: Position = 0;
  /** Events of which an older checkpoint does not know that every sink has had them. */
  readonly #forgotten = new Set<KnownEvent>();
  /** Since when something has been settled that no save has begun to take along. */
  #unsavedMs: number | undefined;
  /** The worst that has happened since the books were last put in order. */
  #ended: Ended = "drain";
  /** From which position on each configured sink is to have all events. */
  readonly #owed = new Map<string, Position>();

  constructor(
    world: World,
    config: JournalConfig,
    events: KnownEvents,
    destinations: ReadonlyMap<string, Destination>,
  ) {
    this.#world = world;
    this.#config = config;
    this.#events = events;
    this.#destinations = destinations;
  }

  /** Whether the journal has ever shown an event to anybody. */
  hasPlace(event: KnownEvent): boolean {
    return this.#places.has(event);
  }

  get present(): readonly Placed[] {
    return this.#present;
  }

  /** Dead letters are about to be deleted. */
  evict(letters: readonly string[]): void {
    if (letters.length === 0) return;
    const { free } = this.#world.disk;
    if (free > MUCH_ROOM_BYTES)
      this.#world.violate("dead letters", `${letters.length} are deleted, and there is room for ${free} bytes`);
    this.#world.count("dead letters deleted for want of room", letters.length);
    for (const letter of letters) this.#evicted.add(letter);
  }

  /** The listener of the journal was told of a group. */
  accept(events: readonly CollectedEvent[]): void {
    for (const event of events) {
      const known = this.#events.check("the journal's listener", event);
      if (known === undefined) continue;
      const last = this.#present.at(-1);
      if (last !== undefined && last.position >= event.position)
        this.#world.violate("order", `position ${event.position} was written after position ${last.position}`);
      for (const [sink, account] of this.#accounts) {
        if (cursorOf(account) > event.position)
          this.#world.violate(
            "cursor",
            `${sink} had passed position ${event.position} before ${event.id} was written there`,
          );
      }
      const placed = { position: event.position, event: known };
      this.#present.push(placed);
      this.#places.set(known, event.position);
      this.#accepted.push(placed);
    }
  }

  /** A pipeline begins. */
  open(sink: string, cursor: Position): void {
    const account = this.#accounts.get(sink);
    if (account === undefined) {
      this.#accounts.set(sink, { opened: cursor, settled: [] });
      return;
    }
    if (cursorOf(account) !== cursor)
      this.#world.violate("cursor", `${sink} goes on at ${cursor} and had settled up to ${cursorOf(account)}`);
  }

  forget(sink: string): void {
    this.#accounts.delete(sink);
  }

  /** A sink is configured, and its operator has been told so: from now on it is to have everything. */
  owe(sink: string, cursor: Position): void {
    if (this.#owed.has(sink)) return;
    this.#owed.set(sink, this.#world.checkpointIsDamaged ? Math.max(cursor, this.#released) : cursor);
  }

  /** Other sinks are about to be no longer configured. */
  oweOnly(sinks: { has(sink: string): boolean }): void {
    for (const sink of this.#owed.keys()) if (!sinks.has(sink)) this.#owed.delete(sink);
  }

  /** A pipeline says how far its sink has got. */
  settle(sink: string, cursor: Position, counts: readonly SettledCount[], drops: (event: KnownEvent) => boolean): void {
    const account = this.#accounts.get(sink);
    if (account === undefined) return this.#world.violate("cursor", `${sink} settles and has no account`);
    const from = cursorOf(account);
    if (cursor <= from) this.#world.violate("cursor", `${sink} moves its cursor back from ${from} to ${cursor}`);
    const passed = this.between(from, cursor);
    const may = { delivered: 0, "dead-lettered": 0, filtered: 0 };
    let damaged = 0;
    for (const { position, event } of passed) {
      if (event.isDamaged) damaged++;
      const isFiltered = drops(event);
      const isTaken = this.isTaken(sink, event);
      const isLetter = this.letters.has(`${sink} ${event.id}`);
      if (isFiltered) this.#filtered.add(`${sink} ${event.id}`);
      if (isFiltered) may.filtered++;
      if (isTaken && !isFiltered) may.delivered++;
      if (isLetter) may["dead-lettered"]++;
      if (!isTaken && !isLetter && !isFiltered && !event.isDamaged)
        this.#world.violate("cursor", `${sink} passes ${event.id} at position ${position}, which it has not taken`);
    }
    let total = 0;
    for (const { outcome, events } of counts) {
      total += events;
      const kind = outcome.kind === "dropped" ? outcome.reason : outcome.kind;
      if (!(kind in may)) this.#world.violate("cursor", `${sink} drops events: ${kind}`);
      else if (events > may[kind as keyof typeof may])
        this.#world.violate(
          "ledger",
          `${sink} counts ${events} events as ${kind}, and at most ${may[kind as keyof typeof may]} are`,
        );
    }
    if (total > passed.length || total < passed.length - damaged)
      this.#world.violate(
        "ledger",
        `${sink} counts ${total} events between ${from} and ${cursor}, where ${passed.length} are`,
      );
    account.settled.push({ cursor, counts });
    this.#unsavedMs ??= this.#world.time.nowMs;
  }

  /** The ledger is about to be saved. Returns the number of the save. */
  saving(checkpoint: Checkpoint, lastEndedMs: number): number {
    const { nowMs } = this.#world.time;
    const dueMs = Math.max(this.#unsavedMs ?? nowMs, lastEndedMs) + SAVE_WITHIN_MS;
    if (nowMs > dueMs + 1) this.#world.violate("checkpoint", `a save begins ${nowMs - dueMs} ms too late`);
    this.#unsavedMs = undefined;
    const accounts = new Map<string, { account: Account; settled: number }>();
    for (const [sink, account] of this.#accounts) accounts.set(sink, { account, settled: account.settled.length });
    const accepted = { log: this.#accepted, length: this.#accepted.length };
    this.#snapshots.push({ checkpoint, accepted, accounts });
    return this.#snapshots.length - 1;
  }

  saved(save: number): void {
    this.#saved = Math.max(this.#saved, save);
    const { countedTo, sinks } = this.#snapshots[save]?.checkpoint ?? { countedTo: 0, sinks: {} };
    this.#released = Math.max(this.#released, Math.min(countedTo, ...Object.values(sinks).map(({ cursor }) => cursor)));
  }

  end(ended: Ended): void {
    const worse: readonly Ended[] = ["drain", "failed start", "kill", "power cut"];
    if (worse.indexOf(ended) > worse.indexOf(this.#ended)) this.#ended = ended;
  }

  /** All that was settled is in a checkpoint that was saved. */
  checkSaved(): void {
    if (this.#unsavedMs !== undefined || this.#saved < this.#snapshots.length - 1)
      this.#world.violate("checkpoint", "what was settled has not been saved, and the disk is well");
  }

  /** A process has started on what earlier ones have left. */
  restore(checkpoint: Checkpoint | undefined, found: readonly FoundEvent[]): void {
    this.#unsavedMs = undefined;
    const snapshot = this.#snapshotOf(checkpoint);
    if (this.#ended === "power cut") this.#events.excuse(found);
    this.#checkFound(found);
    this.#present = found.map((event) => ({ position: event.position, event: this.#known(event) }));
    const countedTo = checkpoint?.countedTo ?? 0;
    const before = snapshot === undefined ? [] : snapshot.accepted.log.slice(0, snapshot.accepted.length);
    this.#accepted = before.concat(this.#present.filter(({ position }) => position >= countedTo));
    const counted = new Set(this.#accepted.map(({ position }) => position));
    for (const { position, event } of this.#present) {
      if (!counted.has(position))
        this.#world.violate(
          "recovery",
          `${event.id} is at position ${position}, below ${countedTo}, and was never counted`,
        );
    }
    const accounts = new Map<string, Account>();
    for (const [sink, { account, settled }] of snapshot?.accounts ?? [])
      accounts.set(sink, { opened: account.opened, settled: account.settled.slice(0, settled) });
    this.#accounts = accounts;
    this.#checkNothingMissing(this.#ended, checkpoint === undefined ? 0 : this.#lowestCursor());
    this.#ended = "drain";
  }

  #snapshotOf(checkpoint: Checkpoint | undefined): Snapshot | undefined {
    const saves = this.#snapshots;
    const at =
      checkpoint === undefined ? -1 : saves.findLastIndex((save) => isDeepStrictEqual(save.checkpoint, checkpoint));
    if (checkpoint !== undefined && at === -1)
      this.#world.violate("checkpoint", "a checkpoint was read that nobody saved");
    if (at < this.#saved && !this.#world.checkpointIsDamaged)
      this.#world.violate("checkpoint", `save ${at} was read, and save ${this.#saved} had succeeded`);
    // What is read after a power cut is on the disk; after a kill it may be in memory only.
    this.#saved = this.#ended === "power cut" ? at : Math.min(this.#saved, at);
    return saves[at];
  }

  #checkFound(found: readonly FoundEvent[]): void {
    for (const event of found) {
      const known = this.#events.check("recovery", event);
      if (known === undefined) continue;
      if (known.position !== undefined && known.position !== event.position)
        this.#world.violate(
          "positions",
          `${known.id} was at position ${known.position} and is found at ${event.position}`,
        );
    }
  }

  #known(event: CollectedEvent): KnownEvent {
    const known = this.#events.of(event.id);
    if (known === undefined) throw new Error(`nobody sent ${event.id}`);
    return known;
  }

  /** What was promised is there, unless every sink has settled it. */
  #checkNothingMissing(ended: Ended, needed: Position): void {
    const present = new Set(this.#present.map(({ event }) => event));
    for (const { position, event } of this.#present) this.#places.set(event, position);
    for (const event of present) {
      // What recovery finds is on disk from then on, unless a sync of it may have failed.
      const isOnDisk = ended === "power cut" || !this.#world.hasFailedSyncs;
      if (event.promised !== "refused" && isOnDisk) event.promised = "synced";
      else if (event.promised === "pending" || event.promised === "unsure") event.promised = "written";
    }
    const taken: KnownEvent[] = [];
    for (const event of this.#events) {
      if (event.promised === "pending") event.promised = "unsure";
      if (present.has(event) || event.isLost || event.isDamaged || event.promised === "refused") continue;
      const position = this.#places.get(event);
      // Without any sink nobody needs it, and one that is added later is not owed what is gone by then.
      if (needed === Number.POSITIVE_INFINITY) event.isLost = true;
      if (position !== undefined && position < needed) continue;
      if (this.#world.checkpointIsDamaged && position !== undefined && position < this.#released) {
        this.#forgotten.add(event);
        continue;
      }
      if (ended === "power cut" && event.promised !== "synced") taken.push(event);
      else if (event.promised !== "unsure")
        this.#world.violate(
          "durability",
          `${event.id}, ${event.promised}, is gone after a ${ended}; it was at ${position}`,
        );
    }
    checkLossBudget(this.#world, taken, this.#config);
    for (const event of taken) event.isLost = true;
  }

  #lowestCursor(): Position {
    return Math.min(...[...this.#accounts.values()].map(cursorOf));
  }

  /** Bytes of the events between a sink's cursor and `to` of which nobody outside knows that they are settled. */
  heldBytes(sink: string, to: Position): number {
    const account = this.#accounts.get(sink);
    let bytes = 0;
    for (const { event } of account === undefined ? [] : this.between(cursorOf(account), to)) {
      if (!this.isTaken(sink, event) && !this.letters.has(`${sink} ${event.id}`)) bytes += event.bytes.length;
    }
    return bytes;
  }

  isTaken(sink: string, event: KnownEvent): boolean {
    return (this.#destinations.get(sink)?.of(event)?.times ?? 0) > 0;
  }

  /** The events of the journal from a position on, up to another. */
  between(from: Position, to: Position): Placed[] {
    const present = this.#present;
    let low = 0;
    for (let high = present.length; low < high;) {
      const middle = (low + high) >>> 1;
      if ((present[middle]?.position ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (end < present.length && (present[end]?.position ?? 0) < to) end++;
    return present.slice(low, end);
  }

  /** The ledger says, source by source and sink by sink, what these books say. */
  compare(ledger: Ledger): void {
    const rows = new Map(ledger.rows().map((row) => [`${row.sink} ${row.source}`, row]));
    for (const [sink, account] of this.#accounts) {
      for (const source of new Set(this.#accepted.map(({ event }) => event.source))) {
        const row = rows.get(`${sink} ${source}`);
        const expected = this.#row(account, source);
        const settled = (row?.delivered ?? 0) + (row?.deadLettered ?? 0) + sum(row?.dropped ?? {});
        const held = (row?.accepted ?? 0) - settled;
        const filtered = row?.dropped["filtered"] ?? 0;
        const actual = {
          accepted: row?.accepted ?? 0,
          delivered: row?.delivered ?? 0,
          deadLettered: row?.deadLettered ?? 0,
          filtered,
        };
        if (!isDeepStrictEqual(actual, expected) || held !== (row?.held ?? 0))
          this.#world.violate(
            "ledger",
            `${sink} from ${source}: ${JSON.stringify(row)}, expected ${JSON.stringify(expected)}`,
          );
      }
    }
    if (!ledger.balances()) this.#world.violate("ledger", "it does not balance");
  }

  #row(account: Account, source: string) {
    const row = { accepted: 0, delivered: 0, deadLettered: 0, filtered: 0 };
    for (const { position, event } of this.#accepted)
      if (position >= account.opened && event.source === source) row.accepted++;
    for (const { counts } of account.settled) {
      for (const count of counts) {
        if (count.source !== source) continue;
        if (count.outcome.kind === "delivered") row.delivered += count.events;
        else if (count.outcome.kind === "dead-lettered") row.deadLettered += count.events;
        else row.filtered += count.events;
      }
    }
    return row;
  }

  /** What was accepted and not settled was lost, and for a reason. */
  #checkLost(): void {
    for (const [sink, { opened, settled }] of this.#accounts) {
      const accepted = this.#accepted.filter(({ position }) => position >= opened);
      const excused = accepted.filter(
        ({ event }) => event.isLost || event.isDamaged || this.#forgotten.has(event),
      ).length;
      let events = 0;
      for (const { counts } of settled) for (const count of counts) events += count.events;
      if (accepted.length - events > excused)
        this.#world.violate("ledger", `${sink} has lost ${accepted.length - events} events, and ${excused} could be`);
    }
  }

  /** All is delivered: nothing is held, what was lost is counted, and each event is where it was to be. */
  checkDelivered(ledger: Ledger): void {
    this.compare(ledger);
    this.#checkLost();
    for (const { sink, source, held } of ledger.rows())
      if (held !== 0) this.#world.violate("liveness", `${sink} still holds ${held} events of ${source}`);
    for (const [sink, from] of this.#owed) {
      for (const event of this.#events) {
        if (event.promised !== "written" && event.promised !== "synced") continue;
        const position = this.#places.get(event);
        if (event.isLost || event.isDamaged || (position !== undefined && position < from)) continue;
        const isTaken = this.isTaken(sink, event);
        const name = `${sink} ${event.id}`;
        const isGivenUp = this.letters.has(name) || this.#evicted.has(name);
        if (!isTaken && !isGivenUp && !this.#filtered.has(name))
          this.#world.violate(
            "delivery",
            `${sink} never got ${event.id} (${event.type}), ${event.promised}, position ${position}`,
          );
      }
    }
  }
}

function cursorOf({ opened, settled }: Account): Position {
  return settled.at(-1)?.cursor ?? opened;
}

function sum(counts: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const count of Object.values(counts)) total += count;
  return total;
}
