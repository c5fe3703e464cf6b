import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { JournalReader } from "../core/journal.ts";
import type { Sink } from "../core/sink.ts";
import type { Caution } from "./caution.ts";
import type { ClaimDesk } from "./claim-desk.ts";
import { digestOf } from "./claim-pointer.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Filter } from "./filter.ts";
import type { SinkMetrics } from "./metrics.ts";
import type { Settlement } from "./settlement.ts";
import { type Settled, STANDING } from "./standing.ts";
import type { Suspects } from "./suspects.ts";
import { ThrottledLog } from "../core/throttled-log.ts";

/** What one read asks for. Small, so that one held event does not keep much of its neighbours in memory. */
const READ_EVENTS = 512;
const READ_BYTES = 1024 * 1024;

/**
 * An event that waits keeps the buffer it was read into, with its neighbours that are settled, so these
 * count too. More generously: in most buffers nothing waits.
 */
const WINDOW_BYTES_PER_HELD_BYTE = 8;

/** Reads in one turn of the event loop: other work must have its turn while a pipeline catches up. */
const READS_PER_TURN = 4;

const READ_AGAIN_MS = 1_000;

const SET_ASIDE =
  "the worker died again and again while this event alone was on its way to the sink; it was set aside so that the others get there";

export interface IntakeOptions {
  readonly reader: JournalReader;
  readonly sink: Sink;
  readonly filter: Filter | undefined;
  readonly settlement: Settlement;
  readonly deadLetters: DeadLetters;
  /** Where events that are too large for the sink go instead of to the dead letters. */
  readonly claims: ClaimDesk | undefined;
  readonly suspects: Suspects;
  readonly caution: Caution | undefined;
  /** Events to dead-letter without looking at them, since the worker died over each. */
  readonly setAside: ReadonlySet<Position>;
  readonly maxHeldBytes: number;
  readonly clock: Clock;
  readonly metrics: SinkMetrics;
  readonly log: Logger;
  /** A read from disk has come back, or is to be tried again. */
  readonly onReady: () => void;
}

/**
 * Follows the journal for one pipeline, one small read ahead of the batcher, and settles
 * at once what is not to be sent: events that the filter lets pass by are dropped, events
 * the sink cannot take go to the claim check or, like those that are set aside, to the dead letters.
 *
 * It reads no more while the events read and not settled, or all that were read beyond the
 * cursor, are at their bounds, which caution lowers. The journal holds the rest.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #maxEventBytes: number;
  readonly #filterErrors: ThrottledLog;
  #events: CollectedEvent[] = [];
  #bytes: number[] = [];
  #next = 0;
  /** `undefined` once it is lifted. */
  #caution: Caution | undefined;
  #readWithCare = 0;
  /** The last event that caution is for, once it was read. */
  #lastCareful: Position = Number.POSITIVE_INFINITY;
  #readsLeft = READS_PER_TURN;
  #isReading = false;
  #readAgain: Timer | undefined;
  #closed = false;

  constructor(options: IntakeOptions) {
    const { sink, filter, log } = options;
    this.#options = options;
    this.#caution = options.caution;
    this.#maxEventBytes = Math.min(sink.limits.maxEventBytes, sink.limits.maxBytes);
    this.#filterErrors = new ThrottledLog((events) =>
      log.warn({ events, error: filter?.lastError }, "the filter has no answer for some events; they were dropped"),
    );
  }

  /** A read from disk is on its way, or waits to be tried again. */
  get isReading(): boolean {
    return this.#isReading || this.#readAgain !== undefined;
  }

  /** True when this turn's reads are used up: there may be more to read in the next. */
  get isPaused(): boolean {
    return this.#readsLeft === 0;
  }

  /** True when no more may be read until the cursor moves or more is settled. */
  get isFull(): boolean {
    return this.#room <= 0 || this.#roomBytes <= 0;
  }

  /** How many more events may be read. */
  get #room(): number {
    const { settlement } = this.#options;
    if (this.#caution === undefined) return settlement.room;
    if (settlement.cursor <= this.#lastCareful)
      return Math.min(settlement.room, this.#caution.window - settlement.held);
    this.#caution = undefined;
    return settlement.room;
  }

  get #roomBytes(): number {
    const { settlement, maxHeldBytes } = this.#options;
    const windowRoom = maxHeldBytes * WINDOW_BYTES_PER_HELD_BYTE - settlement.windowBytes;
    return Math.min(maxHeldBytes - settlement.heldBytes, windowRoom);
  }

  beginTurn(): void {
    this.#readsLeft = READS_PER_TURN;
  }

  /** The next event to send, or `undefined` when there is none, or none in memory, or none may be read now. */
  peek(): CollectedEvent | undefined {
    while (this.#next === this.#events.length) {
      if (!this.#read()) return undefined;
    }
    return this.#events[this.#next];
  }

  /** `Sink.eventBytes` of the event that `peek` returned. */
  get peekedBytes(): number {
    return this.#bytes[this.#next] ?? 0;
  }

  shift(): void {
    this.#next++;
  }

  /** To be called before events are sent, again or for the first time. */
  noteAttempt(events: readonly CollectedEvent[]): void {
    if (this.#caution?.window !== 1) return;
    for (const { position } of events) this.#caution.onAttempt?.(position);
  }

  #read(): boolean {
    if (this.#closed || this.isReading || this.isPaused || this.isFull) return false;
    this.#readsLeft--;
    const events = this.#options.reader.read(Math.min(READ_EVENTS, this.#room), Math.min(READ_BYTES, this.#roomBytes));
    if (!(events instanceof Promise)) return this.#accept(events);
    this.#isReading = true;
    void this.#await(events);
    return false;
  }

  async #await(reading: Promise<readonly CollectedEvent[]>): Promise<void> {
    const { clock, log, onReady } = this.#options;
    const events = await reading.catch((error: unknown) => {
      log.error({ err: error }, "the journal cannot be read; trying again");
      return undefined;
    });
    this.#isReading = false;
    if (this.#closed) return;
    if (events === undefined) {
      this.#readAgain = clock.after(READ_AGAIN_MS, () => {
        this.#readAgain = undefined;
        onReady();
      });
      return;
    }
    this.#accept(events);
    onReady();
  }

  /** Returns false when there was nothing to read. */
  #accept(events: readonly CollectedEvent[]): boolean {
    const { reader, settlement } = this.#options;
    const before = settlement.end;
    for (const event of events) settlement.admit(event);
    if (this.#caution !== undefined) this.#countCareful(events, this.#caution.events);
    // A reader also moves over damage after the last event.
    settlement.skipTo(reader.position);
    // What was read before is let go even if there is nothing new.
    if (events.length > 0 || this.#events.length > 0) this.#screen(events);
    return settlement.end > before;
  }

  /** By events, not by positions: those jump after each end that was not clean. */
  #countCareful(events: readonly CollectedEvent[], careful: number): void {
    const last = events[careful - this.#readWithCare - 1];
    this.#readWithCare += events.length;
    if (last !== undefined) this.#lastCareful = last.position;
  }

  #screen(events: readonly CollectedEvent[]): void {
    const { filter, deadLetters, setAside, suspects } = this.#options;
    this.#events = [];
    this.#bytes = [];
    this.#next = 0;
    let filtered = 0;
    let filterErrors = 0;
    for (const event of events) {
      if (setAside.size > 0 && setAside.has(event.position)) {
        deadLetters.add(event, "crashed_worker", SET_ASIDE);
        continue;
      }
      if (this.#caution !== undefined) this.noteAttempt([event]);
      const verdict = filter === undefined ? "pass" : filter.test(event);
      if (verdict === "drop") {
        filtered++;
        this.#drop(event, STANDING.filtered);
        continue;
      }
      if (verdict === "error") {
        filterErrors++;
        this.#drop(event, STANDING.filterError);
        continue;
      }
      const bytes = suspects.bytesOf(event);
      if (bytes === undefined) continue;
      if (bytes > this.#maxEventBytes) {
        this.#refuse(event, bytes);
        continue;
      }
      this.#events.push(event);
      this.#bytes.push(bytes);
    }
    if (filtered > 0) this.#options.metrics.dropped("filtered", filtered);
    if (filterErrors === 0) return;
    this.#options.metrics.dropped("filter_error", filterErrors);
    this.#filterErrors.add(filterErrors, this.#options.clock.monotonicMs());
  }

  /** The event is too large for the sink. */
  #refuse(event: CollectedEvent, bytes: number): void {
    const { claims, deadLetters } = this.#options;
    const problem = claims?.take(event);
    if (claims !== undefined && problem === undefined) return;
    const reason = `the event counts ${bytes} bytes at this sink, which takes at most ${this.#maxEventBytes}`;
    const words = problem === undefined ? reason : `${reason}; ${problem}`;
    deadLetters.add(event, "event_too_large", words, digestOf(event));
  }

  #drop(event: CollectedEvent, as: Settled): void {
    this.#options.settlement.settle(event, as);
  }

  close(): void {
    this.#closed = true;
    this.#readAgain?.cancel();
    this.#readAgain = undefined;
    // Also ends a read that waits for a disk which cannot be read.
    this.#options.reader.close();
  }
}
