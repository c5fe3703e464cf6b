import type { SkipReason } from "./event-store.ts";

/** Why something that was read was not sent: for a reason of the replay, or since the sink's own `when` has it so. */
export type NotSentReason = SkipReason | `sink_${"filtered" | "filter_error"}`;

/** The books of a replay: read = delivered + dead-lettered + skipped (by reason) + not sent. */
export interface ReplayLedger {
  readonly read: number;
  readonly delivered: number;
  /** Given up for good; of a replay of the quarantine: still invalid. By code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly skipped: Readonly<Record<string, number>>;
  /** Read and neither delivered nor given up when the replay ended before it was through. */
  readonly notSent: number;
}

export class ReplayTally {
  read: number;
  delivered: number;
  readonly #refused: Map<string, number>;
  readonly #skipped: Map<string, number>;

  constructor(before?: Omit<ReplayLedger, "notSent">) {
    this.read = before?.read ?? 0;
    this.delivered = before?.delivered ?? 0;
    this.#refused = new Map(Object.entries(before?.refused ?? {}));
    this.#skipped = new Map(Object.entries(before?.skipped ?? {}));
  }

  skip(reason: NotSentReason, events = 1): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + events);
  }

  refuse(code: string, events = 1): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + events);
  }

  ledger(): ReplayLedger {
    const refused = Object.fromEntries(this.#refused);
    const skipped = Object.fromEntries(this.#skipped);
    const notSent = this.read - this.delivered - sum(this.#refused) - sum(this.#skipped);
    return { read: this.read, delivered: this.delivered, refused, skipped, notSent };
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  let all = 0;
  for (const events of counts.values()) all += events;
  return all;
}
