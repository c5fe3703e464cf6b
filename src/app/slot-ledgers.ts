import type { Logger } from "pino";
import { type Checkpoint, Ledger } from "../core/ledger.ts";
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
   */
  async load(slot: string): Promise<void> {
    try {
      for await (const { name, found } of checkpointsIn(nodeDisk, slotDirectory(this.#config, slot))) {
        if (typeof found === "object") {
          this.#bySlot.set(slot, found);
          return;
        }
        this.#log.warn({ slot, file: name }, `a checkpoint of this slot is ${found}; looking for an older one`);
      }
    } catch (error) {
      this.#log.warn({ err: error, slot }, "the ledger of this slot cannot be read; the node's is without it");
    }
  }

  of(slot: string): Ledger | undefined {
    const checkpoint = this.#bySlot.get(slot);
    return checkpoint && new Ledger(checkpoint);
  }

  summary(): LedgerSummary {
    return summarize([...this.#bySlot.values()].map((checkpoint) => new Ledger(checkpoint)));
  }
}
