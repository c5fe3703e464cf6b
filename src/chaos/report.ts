import type { AckTime, Phase } from "./ack-times.ts";
import type { Level, Violation, ViolationKind } from "./oracle.ts";
import type { PlannedFault } from "./plan.ts";
import type { LongestRecovery } from "./recoveries.ts";
import type { DuplicateCause, Losses } from "./verdict.ts";

/** A fault as it came, or why it did not. */
export interface FaultRun extends PlannedFault {
  /** When it really began, from the start of the storm: it waits while the one before it is not over. */
  beganMs?: number;
  endedMs?: number;
  /** What exactly, such as the process that was killed. */
  detail?: string | undefined;
  /** Why it did not happen. */
  skipped?: string;
  /** Why it could not be carried out, or not be ended. */
  failed?: string;
}

/** Everything that a storm found out. As `--json` prints it. */
export interface StormReport {
  /** Nothing that was promised was broken, though at least one fault came. */
  readonly passed: boolean;
  readonly violations: Readonly<Partial<Record<ViolationKind, Violation & { readonly meaning: string }>>>;
  readonly seed: number;
  /** From the first request to the end of the last fault. */
  readonly seconds: number;
  /** It was told to end before its time. */
  readonly endedEarly: boolean;
  readonly workers: number;
  readonly journalDisk: string;
  readonly events: {
    readonly sent: number;
    readonly invalidSent: number;
    readonly acknowledged: Readonly<Record<Level, number>>;
    readonly lost: Readonly<Record<Level, Losses>>;
    /** Different journal positions that each sink has. */
    readonly stored: Readonly<Record<string, number>>;
    readonly quarantined: number;
  };
  readonly requests: {
    /** By status, requests that were refused. All but those for invalid events were sent again. */
    readonly refused: Readonly<Record<string, number>>;
    /** Sent again because no answer came. */
    readonly unanswered: number;
  };
  readonly duplicates: Readonly<Record<DuplicateCause, number>>;
  readonly ledger: { readonly agrees: boolean; readonly accepted: number };
  readonly faults: { readonly kinds: Readonly<Record<string, number>>; readonly runs: readonly FaultRun[] };
  readonly recovery: {
    /** The longest time in which nobody was acknowledged anything, and when it began in the storm. */
    readonly longestSilence: { readonly fromMs: number; readonly ms: number };
    /** The longest after each kind of fault, other faults that came meanwhile included. */
    readonly longest: Readonly<Record<string, LongestRecovery>>;
    /** From the end of the storm until the stream and the files had everything. */
    readonly finalDrainMs: number | undefined;
  };
  readonly starts: { readonly supervisor: number; readonly workerRestartsSeen: number };
  readonly exitCode: number | string | null;
  /** Events acknowledged as received that the last process could not keep, as it counted them. */
  readonly receivedNotKept: number | undefined;
  /** Of the largest process of its kind, in bytes; `undefined` where the system does not tell. */
  readonly peakRssBytes: { readonly supervisor: number | undefined; readonly worker: number | undefined };
  readonly ackTimes: Readonly<Record<Phase, Readonly<Record<Level, AckTime>>>>;
}
