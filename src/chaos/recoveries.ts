/** How long it took after a fault until all was well. */
export interface Recovery {
  readonly fault: string;
  /** To the first answer that acknowledged a request sent afterwards; `undefined` if there was none. */
  firstAckMs: number | undefined;
  /** Until the stream had everything that had been acknowledged by then; `undefined` if it never had. */
  drainedMs: number | undefined;
}

/** Of several faults of a kind; `undefined` where none recovered in that way before the storm was over. */
export interface LongestRecovery {
  readonly firstAckMs: number | undefined;
  readonly drainedMs: number | undefined;
}

interface Pending {
  readonly recovery: Recovery;
  readonly fromMs: number;
  /** Events acknowledged before `fromMs` that the stream does not have yet. */
  readonly owed: Set<number>;
}

/**
 * Measures recoveries: from the end of a fault, or from the moment of a kill. Faults overlap, so
 * one's recovery may have to wait for the end of another.
 */
export class Recoveries {
  readonly all: Recovery[] = [];
  /** The longest time in which nobody was acknowledged anything, and when it began. */
  longestSilence = { fromMs: 0, ms: 0 };
  #lastAckMs: number | undefined;
  #pending: Pending[] = [];

  /** A fault is over, with these events acknowledged and not in the stream. */
  begin(fault: string, nowMs: number, owed: ReadonlySet<number>): void {
    const recovery: Recovery = { fault, firstAckMs: undefined, drainedMs: owed.size === 0 ? 0 : undefined };
    this.all.push(recovery);
    this.#pending.push({ recovery, fromMs: nowMs, owed: new Set(owed) });
  }

  onAck(sentMs: number, ackedMs: number): void {
    const silenceMs = ackedMs - (this.#lastAckMs ?? ackedMs);
    if (silenceMs > this.longestSilence.ms) this.longestSilence = { fromMs: ackedMs - silenceMs, ms: silenceMs };
    this.#lastAckMs = ackedMs;
    for (const { recovery, fromMs } of this.#pending) {
      if (recovery.firstAckMs === undefined && sentMs >= fromMs) recovery.firstAckMs = ackedMs - fromMs;
    }
    this.#forgetDone();
  }

  onStored(seq: number, atMs: number): void {
    for (const { recovery, fromMs, owed } of this.#pending) {
      if (owed.delete(seq) && owed.size === 0) recovery.drainedMs = Math.max(0, atMs - fromMs);
    }
  }

  #forgetDone(): void {
    this.#pending = this.#pending.filter(
      ({ recovery }) => recovery.firstAckMs === undefined || recovery.drainedMs === undefined,
    );
  }
}

/** The longest recoveries from each kind of fault. */
export function longestByFault(recoveries: readonly Recovery[]): Readonly<Record<string, LongestRecovery>> {
  const longest: Record<string, LongestRecovery> = {};
  for (const { fault, firstAckMs, drainedMs } of recoveries) {
    const before = longest[fault];
    longest[fault] = {
      firstAckMs: longer(before?.firstAckMs, firstAckMs),
      drainedMs: longer(before?.drainedMs, drainedMs),
    };
  }
  return longest;
}

function longer(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
