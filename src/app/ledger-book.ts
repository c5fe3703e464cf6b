import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import { type Checkpoint, Ledger, type SettledCount } from "../core/ledger.ts";
import type { CheckpointFile } from "../journal/checkpoint-file.ts";

/** How often the ledger is saved while events flow. What is delivered within one interval before a crash is delivered twice. */
const SAVE_EVERY_MS = 100;

const LOST = "journal_damaged";

/**
 * How many events of each source a pipeline has between its cursor and `end`, the end of the
 * journal; `undefined` as long as it has not read all of them.
 */
export type Ahead = (end: Position) => ReadonlyMap<string, number> | undefined;

/** Reads of the journal while the ledger is compared with it. */
const SCAN_EVENTS = 10_000;
const SCAN_BYTES = 4 * 1024 * 1024;

interface LedgerBookParts {
  readonly journal: Journal;
  readonly file: CheckpointFile;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface OpenLedgerBook extends LedgerBookParts {
  /** `undefined` on a first start, and when none could be read. */
  readonly checkpoint: Checkpoint | undefined;
  /** The sinks of the configuration. */
  readonly sinks: readonly string[];
  /** Whether recovery found damage in the journal. */
  readonly damaged: boolean;
}

/**
 * Keeps the ledger in step with the journal and on disk.
 *
 * Invariant: the journal lets go of events only once neither the checkpoint that was saved last
 * needs them nor the one before it: should the newest be damaged, that has lost nothing.
 */
export class LedgerBook {
  readonly ledger: Ledger;
  /** Events found to be lost as the book was opened. */
  lostBefore = 0;
  readonly #parts: LedgerBookParts;
  readonly #pipelines = new Map<string, Ahead>();
  #saved: Readonly<Record<string, Position>>;
  /** Every sink has had what is below, by the checkpoint on disk. */
  #settledTo: Position;
  /** The same by the checkpoint before it: what the journal has let go of. */
  #released: Position = 0;
  #writtenOff = 0;
  #dirty = false;
  #saving: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #failing = false;
  #closed = false;

  private constructor(ledger: Ledger, settledTo: Position, parts: LedgerBookParts) {
    this.ledger = ledger;
    this.#settledTo = settledTo;
    this.#parts = parts;
    this.#saved = cursorsOwed(ledger);
  }

  /**
   * Brings the ledger of a checkpoint up to date with the journal: counts what was written
   * after the checkpoint, and writes off what the journal has lost since. A sink that the
   * checkpoint does not know is owed what was written after it. Without a checkpoint nobody
   * knows what the sinks have had, so they are owed all that is there.
   */
  static async open({ checkpoint, sinks, damaged, ...parts }: OpenLedgerBook): Promise<LedgerBook> {
    const { journal, log } = parts;
    const ledger = new Ledger(checkpoint);
    const settledTo = ledger.lowestCursor();
    if (checkpoint === undefined) {
      ledger.skipTo(journal.first);
      if (journal.end > journal.first)
        log.warn("there is no checkpoint: all events of the journal are delivered, perhaps again");
    }
    // Before the rest of the journal is counted: a sink may be older than the last save that succeeded.
    for (const sink of sinks) ledger.open(sink);
    const lost = damaged || ledger.countedTo > journal.end || ledger.lowestCursor() < journal.first;
    await scan(journal, Math.max(ledger.countedTo, journal.first), journal.end, (events) => ledger.accept(events));
    if (ledger.countedTo < journal.end) ledger.skipTo(journal.end);
    const doubtful = ledger.sinks.filter((sink) => lost || ledger.lacking(sink) > 0);
    const writtenOff = doubtful.length === 0 ? 0 : await compare(ledger, doubtful, journal, log);
    const book = new LedgerBook(ledger, settledTo, parts);
    book.lostBefore = writtenOff;
    book.changed();
    return book;
  }

  /** The cursors of the sinks that are owed events, as they were saved last: where a successor would begin. */
  get saved(): Readonly<Record<string, Position>> {
    return this.#saved;
  }

  /** Events found to be lost since the book was opened, summed over the sinks that were to have them. */
  get lostEvents(): number {
    let lost = this.#writtenOff;
    for (const sink of this.ledger.sinks) lost += this.ledger.lacking(sink);
    return lost;
  }

  /** Counts events that were written to the journal. */
  accept(events: readonly CollectedEvent[]): void {
    this.ledger.accept(events);
    this.changed();
  }

  /** Moves a sink's cursor, as `Ledger.settle`. */
  settle(sink: string, cursor: Position, counts: readonly SettledCount[], missing: number): void {
    this.ledger.settle(sink, cursor, counts, missing);
    this.#parts.journal.forget(this.ledger.lowestCursor());
    this.changed();
  }

  /** Takes note of the pipeline that a sink has from now on. */
  watch(sink: string, ahead: Ahead): void {
    this.#pipelines.set(sink, ahead);
    this.changed();
  }

  /**
   * Finds out whose events are lost when a cursor has passed some that are. What a source still
   * has is known once its pipeline has read all there is; until then they count as held.
   */
  #writeOffLacking(): void {
    for (const sink of this.ledger.sinks) {
      if (this.ledger.lacking(sink) === 0) continue;
      const there = this.#pipelines.get(sink)?.(this.ledger.countedTo);
      if (there === undefined) continue;
      this.#writtenOff += writeOff(this.ledger, sink, there, this.#parts.log);
      this.#dirty = true;
    }
  }

  get #isLacking(): boolean {
    return this.ledger.sinks.some((sink) => this.ledger.lacking(sink) > 0);
  }

  /** Call after each change of the ledger: the next save takes it along. */
  changed(): void {
    this.#dirty = true;
    this.#setTimer();
  }

  #setTimer(): void {
    if (this.#closed) return;
    this.#timer ??= this.#parts.clock.after(SAVE_EVERY_MS, () => {
      this.#timer = undefined;
      this.#saving = this.#saving.then(() => this.#save());
      if (this.#isLacking) this.#setTimer();
    });
  }

  /** Saves what has changed. Resolves with whether all is on disk; that it is not was logged. */
  async flush(): Promise<boolean> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#save());
    await this.#saving;
    return !this.#dirty;
  }

  /** Saves for the last time. What is written to the journal afterwards is counted by the next start. As `flush`. */
  async close(): Promise<boolean> {
    this.#closed = true;
    await this.flush();
    // Once more, so that the journal lets go of what the first one no longer needs.
    return this.flush();
  }

  async #save(): Promise<void> {
    this.#writeOffLacking();
    if (!this.#dirty && this.#released === this.#settledTo) return;
    this.#dirty = false;
    const { journal, file, log } = this.#parts;
    const needed = this.ledger.lowestCursor();
    const cursors = cursorsOwed(this.ledger);
    try {
      await file.save(this.ledger.checkpoint());
      this.#saved = cursors;
      this.#released = this.#settledTo;
      this.#settledTo = needed;
      journal.release(this.#released);
      // When nothing happens any more the one before has to catch up too: a full disk is emptied by it.
      if (this.#released < needed) this.#setTimer();
      if (this.#failing) log.info("the ledger is saved again");
      this.#failing = false;
    } catch (error) {
      // Nothing is lost: the journal keeps what the last saved checkpoint needs. A crash now would deliver more twice.
      if (!this.#failing) log.error({ err: error }, "the ledger could not be saved; trying again");
      this.#failing = true;
      this.changed();
    }
  }
}

function cursorsOwed(ledger: Ledger): Record<string, Position> {
  const owed = ledger.sinks.filter((sink) => ledger.held(sink) > 0);
  return Object.fromEntries(owed.map((sink) => [sink, ledger.cursor(sink)]));
}

/** Compares what sinks are owed with what the journal has, to which nothing is written meanwhile. Returns how many events are gone. */
async function compare(ledger: Ledger, names: readonly string[], journal: Journal, log: Logger): Promise<number> {
  const sinks = names.map((sink) => ({ sink, cursor: ledger.cursor(sink), there: new Map<string, number>() }));
  const from = Math.max(journal.first, Math.min(...sinks.map(({ cursor }) => cursor)));
  await scan(journal, from, ledger.countedTo, (events) => {
    for (const { position, source } of events) {
      for (const { cursor, there } of sinks) {
        if (position >= cursor) there.set(source, (there.get(source) ?? 0) + 1);
      }
    }
  });
  return sinks.reduce((lost, { sink, there }) => lost + writeOff(ledger, sink, there, log), 0);
}

function writeOff(ledger: Ledger, sink: string, there: ReadonlyMap<string, number>, log: Logger): number {
  const lost = ledger.writeOff(sink, there, LOST);
  if (lost > 0)
    log.error(
      { sink, events: lost },
      "the journal was damaged and these events are lost; the ledger counts them as dropped",
    );
  return lost;
}

/** Visits the events from `from` up to at least `end`, as far as there are any. */
async function scan(
  journal: Journal,
  from: Position,
  end: Position,
  visit: (events: readonly CollectedEvent[]) => void,
): Promise<void> {
  if (from >= end) return;
  const reader = journal.reader(from);
  try {
    while (reader.position < end) {
      const events = await reader.read(SCAN_EVENTS, SCAN_BYTES);
      if (events.length === 0) return;
      visit(events);
    }
  } finally {
    reader.close();
  }
}
