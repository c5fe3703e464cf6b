import type { Logger } from "pino";
import type { Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import { type Checkpoint, Ledger } from "../core/ledger.ts";
import type { CheckpointFile } from "../journal/checkpoint-file.ts";

/** How often the ledger is saved while events flow. What is delivered within one interval before a crash is delivered twice. */
const SAVE_EVERY_MS = 100;

/** Reads of the journal while the ledger catches up with it. */
const SCAN_EVENTS = 10_000;
const SCAN_BYTES = 4 * 1024 * 1024;

/**
 * Keeps the ledger in step with the journal and on disk.
 *
 * Invariant: the journal lets go of events only once a saved checkpoint no longer needs them.
 */
export class LedgerBook {
  readonly ledger: Ledger;
  readonly #journal: Journal;
  readonly #file: CheckpointFile;
  readonly #log: Logger;
  #dirty = false;
  #saving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  private constructor(ledger: Ledger, journal: Journal, file: CheckpointFile, log: Logger) {
    this.ledger = ledger;
    this.#journal = journal;
    this.#file = file;
    this.#log = log;
  }

  /**
   * Brings the ledger of a checkpoint up to date with the journal: counts what was written
   * after the checkpoint, and writes off what the journal has lost since.
   */
  static async open(
    checkpoint: Checkpoint | undefined,
    damaged: boolean,
    journal: Journal,
    file: CheckpointFile,
    log: Logger,
  ): Promise<LedgerBook> {
    const ledger = new Ledger(checkpoint);
    const lost = ledger.countedTo > journal.end || ledger.lowestCursor() < journal.first;
    await scan(journal, Math.max(ledger.countedTo, journal.first), (events) => ledger.accept(events));
    if (ledger.countedTo < journal.end) ledger.skipTo(journal.end);
    if (damaged || lost) {
      for (const sink of ledger.sinks) await writeOff(ledger, sink, journal, log);
    }
    const book = new LedgerBook(ledger, journal, file, log);
    book.changed();
    return book;
  }

  /** Call after each change of the ledger: the next save takes it along. */
  changed(): void {
    this.#dirty = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#saving = this.#saving.then(() => this.#save());
    }, SAVE_EVERY_MS);
  }

  /** Saves what has changed. Resolves when it is on disk, or when that failed and was logged. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#saving = this.#saving.then(() => this.#save());
    await this.#saving;
  }

  async #save(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    const needed = this.ledger.lowestCursor();
    try {
      await this.#file.save(this.ledger.checkpoint());
      this.#journal.release(needed);
      if (this.#failing) this.#log.info("the ledger is saved again");
      this.#failing = false;
    } catch (error) {
      // Nothing is lost: the journal keeps what the last saved checkpoint needs. A crash now would deliver more twice.
      if (!this.#failing) this.#log.error({ err: error }, "the ledger could not be saved; trying again");
      this.#failing = true;
      this.changed();
    }
  }
}

async function writeOff(ledger: Ledger, sink: string, journal: Journal, log: Logger): Promise<void> {
  const held = new Map<string, number>();
  await scan(journal, Math.max(ledger.cursor(sink), journal.first), (events) => {
    for (const { source } of events) held.set(source, (held.get(source) ?? 0) + 1);
  });
  const lost = ledger.writeOff(sink, ledger.countedTo, held, "journal_damaged");
  if (lost > 0)
    log.error(
      { sink, events: lost },
      "the journal was damaged and these events are lost; the ledger counts them as dropped",
    );
}

async function scan(
  journal: Journal,
  from: Position,
  visit: (events: Awaited<ReturnType<ReturnType<Journal["reader"]>["read"]>>) => void,
): Promise<void> {
  if (from >= journal.end) return;
  const reader = journal.reader(from);
  try {
    while (reader.position < journal.end) {
      const events = await reader.read(SCAN_EVENTS, SCAN_BYTES);
      if (events.length === 0) return;
      visit(events);
    }
  } finally {
    reader.close();
  }
}
