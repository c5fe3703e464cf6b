/** What rules on the collector look at: the whole node, as its supervisor sees it. */
export interface NodeFigures {
  /** False when a worker did not answer: what it has is missing, or is what it said last. */
  readonly isComplete: boolean;
  /** Totals that only go up, of all sources of the configuration. */
  readonly sources: readonly { readonly source: string; readonly sent: number; readonly invalid: number }[];
  readonly sinks: readonly SinkFigures[];
  /** The fullest journal slot, as a part of its budget. */
  readonly journalFraction: number;
  /** A total that only goes up. */
  readonly workerRestarts: number;
}

export interface SinkFigures {
  readonly sink: string;
  /** A total that only goes up. */
  readonly deadLetters: number;
  readonly lagMs: number;
  readonly lagEvents: number;
  /** For how long it has taken nothing; 0 when it does. */
  readonly failingMs: number;
}
