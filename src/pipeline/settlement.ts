import type { CollectedEvent, Position } from "../core/event.ts";
import type { SettledCount } from "../core/ledger.ts";
import { type CursorMove, SettlementWindow } from "./settlement-window.ts";
import { SettlementWaiters } from "./settlement-waiters.ts";
import type { Settled, Standing } from "./standing.ts";

/** Told of each move of a cursor, as `Ledger.settle` takes it. */
export type SettleListener = (cursor: Position, counts: readonly SettledCount[], missing: number) => void;

/**
 * The books of one pipeline: what it has read and not settled, in events and bytes, who is
 * told when the cursor moves, and who waits for which positions.
 */
export class Settlement {
  readonly #window: SettlementWindow;
  readonly #listener: SettleListener;
  readonly #waiters = new SettlementWaiters((position) => this.#window.standingOf(position));
  #heldBytes = 0;
  /** Something was settled or skipped since the last `publish`. */
  #hasChanged = false;

  constructor(from: Position, maxEvents: number, listener: SettleListener) {
    this.#window = new SettlementWindow(from, maxEvents);
    this.#listener = listener;
  }

  get cursor(): Position {
    return this.#window.cursor;
  }

  /** One past the newest position that was read. */
  get end(): Position {
    return this.#window.end;
  }

  /** How many more events may be read before some are settled. */
  get room(): number {
    return this.#window.room;
  }

  /** Events read and not settled. */
  get held(): number {
    return this.#window.unsettled;
  }

  /** Bytes of the events read and not settled. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes of the events read that the cursor has not passed, settled or not. */
  get windowBytes(): number {
    return this.#window.bytes;
  }

  /** Events settled that the cursor has not passed. */
  get settledAhead(): number {
    return this.#window.length - this.#window.unsettled;
  }

  /** When the event at the cursor was received, in Unix milliseconds; `undefined` while it is not read. */
  get oldestReceivedMs(): number | undefined {
    return this.#window.oldestReceivedMs;
  }

  /** Events read that the cursor has not passed, settled or not, by source. */
  ahead(): ReadonlyMap<string, number> {
    return this.#window.bySource();
  }

  admit(event: CollectedEvent): void {
    const bytes = event.bytes.byteLength;
    const isAfterGap = event.position !== this.#window.end;
    this.#window.admit(event.position, event.source, event.receivedMs, bytes);
    if (isAfterGap) this.#skipped();
    this.#heldBytes += bytes;
  }

  skipTo(position: Position): void {
    if (position === this.#window.end) return;
    this.#window.skipTo(position);
    this.#skipped();
  }

  #skipped(): void {
    this.#hasChanged = true;
    this.#waiters.skipped();
  }

  settle(event: CollectedEvent, as: Settled): void {
    this.#window.settle(event.position, as);
    this.#waiters.settled(event.position);
    this.#heldBytes -= event.bytes.byteLength;
    this.#hasChanged = true;
  }

  /** Other bytes, of an event at the same position, are held from now on. */
  replaced(event: CollectedEvent, by: CollectedEvent): void {
    this.#heldBytes += by.bytes.byteLength - event.bytes.byteLength;
  }

  standingOf(position: Position): Standing {
    return this.#window.standingOf(position);
  }

  /** Tells the listener and the waiters what was settled since the last call. */
  publish(): void {
    if (!this.#hasChanged) return;
    this.#hasChanged = false;
    const move: CursorMove | undefined = this.#window.advance();
    if (move !== undefined) this.#listener(move.cursor, move.counts, move.missing);
    this.#waiters.tell();
  }

  /**
   * Waits until `count` positions from `from` on are settled. What the sink's filter lets
   * pass by counts as delivered: it was never this sink's to take. Once `signal` aborts, the
   * promise never settles.
   */
  whenSettled(from: Position, count: number, signal: AbortSignal): Promise<"delivered" | "undelivered"> {
    return this.#waiters.wait(from, count, signal);
  }
}
