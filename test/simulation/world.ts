import { SimulatedDisk } from "../../src/journal/simulated-disk.ts";
import { Dice } from "./dice.ts";
import { Trace } from "./trace.ts";
import { VirtualTime } from "./virtual-time.ts";

/** The room that the collector keeps on its disk, of which only the size matters. */
export const RESERVE = "/journal/0/reserve";

/** The same for the dead letters. */
export const LETTERS_RESERVE = "/dead-letters/0/reserve";

/** What an invariant forbids has happened. */
export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

/** What all actors of one simulated run share. */
export class World {
  readonly seed: number;
  readonly time = new VirtualTime();
  readonly trace = new Trace(this.time);
  readonly disk = new SimulatedDisk();
  /** How often each fault, crash and other notable thing happened. */
  readonly counts = new Map<string, number>();
  /** The files of the checkpoint were damaged, or could not be read: an older one, or none, is all right from now on. */
  checkpointIsDamaged = false;
  /** Something could not be synced: nobody can say any more what of it is on disk. */
  hasFailedSyncs = false;
  /** The lives of the collector that were told so. */
  readonly livesWithFailedSyncs = new Set<number>();
  violation: Violation | undefined;

  constructor(seed: number) {
    this.seed = seed;
    this.disk.hollow.add(RESERVE);
    this.disk.hollow.add(LETTERS_RESERVE);
  }

  dice(actor: string): Dice {
    return new Dice(this.seed, actor);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** The run ends with the first. It is not thrown: the code under test catches what it does not expect. */
  violate(invariant: string, message: string): void {
    if (this.violation !== undefined) return;
    this.violation = { invariant, message };
    this.trace.add("VIOLATION", invariant, message);
  }
}
