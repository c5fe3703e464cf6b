import type { Logger } from "pino";
import { type Checkpoint, type EventsByReason, Ledger } from "../core/ledger.ts";
import { type LedgerSummary, summarize } from "../core/ledger-summary.ts";
import { checkpointsIn } from "../journal/checkpoint-file.ts";
import { nodeDisk } from "../journal/disk.ts";
import { slotDirectory } from "../journal/slot-directory.ts";

/**
 * The ledgers of all slots of a node, as far as its supervisor knows them: what workers said
 * last, and what lies on the disk of slots that have none.
 */
export class SlotLedgers {
  readonly #config: { readonly dir: string };
  readonly #log: Logger;
  readonly #bySlot = new Map<string, Checkpoint>();
  /** Slots whose ledger is being read again. */
  readonly #refreshing = new Map<string, Promise<void>>();
  /** One read at a time: those that a stuck disk holds up take threads from everything else. */
  #lastRefresh: Promise<void> = Promise.resolve();

  constructor(config: { readonly dir: string }, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  tell(slot: string, checkpoint: Checkpoint): void {
    this.#bySlot.set(slot, checkpoint);
  }

  /**
   * Reads the ledger of a slot from its disk, and changes nothing there: a worker may have it,
   * left over from a supervisor that was killed. What is damaged is for the next one to see to.
   * What is known already stays when it is newer: a worker saves a little after it tells.
   */
  async load(slot: string): Promise<void> {
    try {
      for await (const { name, found } of checkpointsIn(nodeDisk, slotDirectory(this.#config, slot))) {
        if (typeof found === "object") {
          const known = this.#bySlot.get(slot);
          if (known === undefined || isNewer(found, known)) this.#bySlot.set(slot, found);
          return;
        }
        this.#log.warn({ slot, file: name }, `a checkpoint of this slot is ${found}; looking for an older one`);
      }
    } catch (error) {
      this.#log.warn({ err: error, slot }, "the ledger of this slot cannot be read; the node's is without it");
    }
  }

  /** As `load`, for a worker that does not answer. Those who ask for a slot meanwhile share one read. */
  refresh(slot: string): Promise<void> {
    const running = this.#refreshing.get(slot);
    if (running !== undefined) return running;
    const refresh = this.#lastRefresh.then(() => this.load(slot)).finally(() => this.#refreshing.delete(slot));
    this.#refreshing.set(slot, refresh);
    this.#lastRefresh = refresh;
    return refresh;
  }

  of(slot: string): Ledger | undefined {
    const checkpoint = this.#bySlot.get(slot);
    return checkpoint && new Ledger(checkpoint);
  }

  /** @param missing slots of which what is known may be out of date */
  summary(missing: readonly string[]): LedgerSummary {
    return summarize(
      [...this.#bySlot.values()].map((checkpoint) => new Ledger(checkpoint)),
      missing,
    );
  }
}

/** Of two states of one ledger: positions only go up, and so do the counts. */
function isNewer(a: Checkpoint, b: Checkpoint): boolean {
  if (a.countedTo !== b.countedTo) return a.countedTo > b.countedTo;
  return progressOf(a) > progressOf(b);
}

function progressOf({ sinks, quarantined, filtered, clientDropped }: Checkpoint): number {
  let progress = 0;
  for (const { cursor } of Object.values(sinks)) progress += cursor;
  for (const events of Object.values(quarantined)) progress += events;
  return progress + sumOf(filtered) + sumOf(clientDropped);
}

function sumOf(counts: EventsByReason = {}): number {
  let sum = 0;
  for (const reasons of Object.values(counts)) for (const events of Object.values(reasons)) sum += events;
  return sum;
}
