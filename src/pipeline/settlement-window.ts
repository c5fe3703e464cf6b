import assert from "node:assert/strict";
import type { Position } from "../core/event.ts";
import type { SettledCount } from "../core/ledger.ts";
import { RecentExceptions } from "./recent-exceptions.ts";
import { isSettled, OUTCOMES, type Settled, STANDING, type Standing } from "./standing.ts";

/** How far the cursor moved: over the events in `counts` and over `missing` positions that hold none. */
export interface CursorMove {
  readonly cursor: Position;
  readonly counts: readonly SettledCount[];
  readonly missing: number;
}

/** Positions that were skipped, since the journal lost their records. */
interface Gap {
  readonly first: Position;
  readonly count: number;
}

/** Places in the tally for each source: one per standing. */
const STANDINGS = Object.keys(STANDING).length;

/** Events there is room for at first. A power of two. */
const FIRST_CAPACITY = 4_096;

/** Runs of positions below the cursor whose standing is remembered when it is not `delivered`. */
const REMEMBERED_RUNS = 10_000;

/**
 * Which events from the cursor on are settled, and how. Batches come back out of order;
 * the cursor is the low-water mark: everything below it is settled.
 *
 * It holds no events, only four numbers for each, in rings of a fixed size.
 *
 * Invariant: the cursor never passes an event that is not settled, and an event is settled once.
 */
export class SettlementWindow {
  readonly #capacity: number;
  #standings = new Uint8Array(FIRST_CAPACITY);
  #sources = new Uint16Array(FIRST_CAPACITY);
  #receivedMs = new Float64Array(FIRST_CAPACITY);
  #sizes = new Uint32Array(FIRST_CAPACITY);
  /** Where in the rings the event at the cursor is. */
  #head = 0;
  #length = 0;
  #unsettled = 0;
  #bytes = 0;
  #cursor: Position;
  #end: Position;
  #gaps: Gap[] = [];
  readonly #recent: RecentExceptions;
  readonly #sourceIds = new Map<string, number>();
  readonly #sourceNames: string[] = [];
  #tally = new Uint32Array(0);

  /** @param capacity most events between the cursor and the end */
  constructor(from: Position, capacity: number) {
    this.#capacity = capacity;
    this.#cursor = from;
    this.#end = from;
    this.#recent = new RecentExceptions(from, REMEMBERED_RUNS);
  }

  get cursor(): Position {
    return this.#cursor;
  }

  /** One past the newest position that was admitted or skipped. */
  get end(): Position {
    return this.#end;
  }

  /** How many more events can be admitted. */
  get room(): number {
    return this.#capacity - this.#length;
  }

  /** Events from the cursor on, settled or not. */
  get length(): number {
    return this.#length;
  }

  /** Events admitted and not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Bytes of the events from the cursor on, settled or not. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the event at the cursor was received, in Unix milliseconds; `undefined` when there is none. */
  get oldestReceivedMs(): number | undefined {
    return this.#length === 0 ? undefined : this.#receivedMs[this.#head];
  }

  /** Takes in the next event. Positions between the end and it hold no events. */
  admit(position: Position, source: string, receivedMs: number, bytes: number): void {
    assert(this.#length < this.#capacity, "make room before admitting an event");
    if (position !== this.#end) this.skipTo(position);
    if (this.#length === this.#standings.length) this.#grow();
    const slot = (this.#head + this.#length) & (this.#standings.length - 1);
    this.#standings[slot] = STANDING.held;
    this.#sources[slot] = this.#sourceIds.get(source) ?? this.#addSource(source);
    this.#receivedMs[slot] = receivedMs;
    this.#sizes[slot] = bytes;
    this.#bytes += bytes;
    this.#length++;
    this.#unsettled++;
    this.#end = position + 1;
  }

  /** Takes note that there is no event from the end up to `position`. */
  skipTo(position: Position): void {
    assert(position >= this.#end, "positions only go up");
    if (position > this.#end) this.#gaps.push({ first: this.#end, count: position - this.#end });
    this.#end = position;
  }

  settle(position: Position, as: Settled): void {
    const slot = this.#slotOf(position);
    assert(this.#standings[slot] === STANDING.held, "an event is settled once");
    this.#standings[slot] = as;
    this.#unsettled--;
  }

  standingOf(position: Position): Standing {
    if (position < this.#cursor) return this.#recent.standingOf(position);
    if (position >= this.#end) return STANDING.held;
    for (const gap of this.#gaps) {
      if (gap.first <= position && position < gap.first + gap.count) return STANDING.lost;
    }
    const standing = this.#standings[this.#slotOf(position)] ?? STANDING.held;
    return isSettled(standing) ? standing : STANDING.held;
  }

  /** Events from the cursor on, settled or not, of each source. */
  bySource(): Map<string, number> {
    const events = new Map<string, number>();
    for (let at = 0; at < this.#length; at++) {
      const slot = (this.#head + at) & (this.#standings.length - 1);
      const source = this.#sourceNames[this.#sources[slot] ?? 0] ?? "";
      events.set(source, (events.get(source) ?? 0) + 1);
    }
    return events;
  }

  /** Moves the cursor as far as it goes; `undefined` when it stays. */
  advance(): CursorMove | undefined {
    const from = this.#cursor;
    const touched: number[] = [];
    let missing = 0;
    for (;;) {
      const gap = this.#gaps[0];
      if (gap?.first === this.#cursor) {
        this.#gaps.shift();
        this.#recent.add(gap.first, gap.count, STANDING.lost);
        this.#cursor += gap.count;
        missing += gap.count;
        continue;
      }
      const standing = this.#standings[this.#head] ?? STANDING.held;
      if (this.#length === 0 || standing === STANDING.held) break;
      if (standing !== STANDING.delivered) this.#recent.add(this.#cursor, 1, settled(standing));
      const place = (this.#sources[this.#head] ?? 0) * STANDINGS + standing;
      const before = this.#tally[place] ?? 0;
      if (before === 0) touched.push(place);
      this.#tally[place] = before + 1;
      this.#bytes -= this.#sizes[this.#head] ?? 0;
      this.#head = (this.#head + 1) & (this.#standings.length - 1);
      this.#length--;
      this.#cursor++;
    }
    if (this.#cursor === from) return undefined;
    return { cursor: this.#cursor, counts: touched.map((place) => this.#takeCount(place)), missing };
  }

  #takeCount(place: number): SettledCount {
    const events = this.#tally[place] ?? 0;
    this.#tally[place] = 0;
    const source = this.#sourceNames[Math.floor(place / STANDINGS)] ?? "";
    return { source, outcome: OUTCOMES[settled(place % STANDINGS)], events };
  }

  #slotOf(position: Position): number {
    let offset = position - this.#cursor;
    for (const gap of this.#gaps) {
      if (gap.first > position) break;
      offset -= gap.count;
    }
    assert(offset >= 0 && offset < this.#length, "the position is within the window");
    return (this.#head + offset) & (this.#standings.length - 1);
  }

  /** A sink that keeps up needs little room; one that lags has all of it soon. */
  #grow(): void {
    const length = 2 * this.#standings.length;
    this.#standings = moved(this.#standings, new Uint8Array(length), this.#head);
    this.#sources = moved(this.#sources, new Uint16Array(length), this.#head);
    this.#receivedMs = moved(this.#receivedMs, new Float64Array(length), this.#head);
    this.#sizes = moved(this.#sizes, new Uint32Array(length), this.#head);
    this.#head = 0;
  }

  #addSource(source: string): number {
    const id = this.#sourceNames.length;
    assert(id <= 0xffff, "a source's number fits in 16 bits");
    this.#sourceIds.set(source, id);
    this.#sourceNames.push(source);
    const tally = new Uint32Array((id + 1) * STANDINGS);
    tally.set(this.#tally);
    this.#tally = tally;
    return id;
  }
}

/** A full ring, from its head on, at the start of a larger one. */
function moved<Ring extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  ring: Ring,
  larger: Ring,
  head: number,
): Ring {
  larger.set(ring.subarray(head));
  larger.set(ring.subarray(0, head), ring.length - head);
  return larger;
}

function settled(standing: number): Settled {
  assert(isSettled(standing), "the cursor passes settled events only");
  return standing;
}
