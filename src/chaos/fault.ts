import type { Targets } from "./targets.ts";

/** What a fault acts upon. At any time one fault at most has a lane; faults on different lanes overlap. */
export type Lane = "process" | "sink" | "disk" | "clock" | "clients";

/** One way in which production goes wrong. */
export interface Fault {
  /** As `--only` takes it, in kebab-case. */
  readonly name: string;
  /** The first is the one it is planned on; the others are kept free for it. */
  readonly lanes: readonly [Lane, ...Lane[]];
  /** How often it comes, relative to the other faults of its lane. 0: only when asked for by name. */
  readonly weight: number;
  /** Shortest and longest time from its begin to its end; 0 for what happens in a moment. */
  readonly lengthMs: readonly [number, number];
  /** Whether events acknowledged as `received` may be lost while it goes on: it keeps the journal from being written. */
  readonly losesReceived?: boolean;
  /** Its harm is done at once, so that recovery is counted from its begin and not from its end. */
  readonly isBlow?: boolean;
  /** What happens, in one line. */
  readonly meaning: string;
  begin(targets: Targets, random: () => number): Promise<BegunFault>;
}

/** A fault that is going on. */
export interface BegunFault {
  /** What exactly, such as the process that was killed. */
  readonly detail?: string;
  /** When it ended a worker, or stopped one that was then ended: what only that one's memory held is lost from then on. */
  readonly workerEndMs?: number | undefined;
  /** Undoes it, or sees to what follows from it. Absent when there is nothing to do. */
  end?(): Promise<void>;
}
