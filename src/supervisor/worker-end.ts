import type { MillraceError } from "../core/errors.ts";

/** Signals that a process draws upon itself: by `abort()`, by running out of memory, or by a bug in native code. */
const FAULTS: ReadonlySet<string> = new Set(["SIGABRT", "SIGSEGV", "SIGILL", "SIGBUS", "SIGTRAP", "SIGFPE"]);

/** A worker that hung was busy, or it stood still: stopped, or without a processor. */
export type Hang = "busy" | "still";

/**
 * A worker that hung and used at least this part of a processor meanwhile was busy. Up to a
 * fifth of the time may have passed at work before it was stopped, with a few threads.
 */
const BUSY_PART = 0.5;

/** How a worker ended. */
export type WorkerEnd =
  /** In order, with exit code 0. */
  | { readonly kind: "done" }
  /** It could not start, for a reason a person can mend. */
  | { readonly kind: "failed"; readonly error: MillraceError }
  /** By its own fault. */
  | { readonly kind: "crashed"; readonly reason: string }
  /** By someone else: it was killed, or stood still through no fault of its own. */
  | { readonly kind: "killed"; readonly reason: string };

export interface EndSigns {
  readonly code: number | null;
  readonly signal: string | null;
  /** Its start failed, by its own report. */
  readonly failed?: MillraceError | undefined;
  /** It said its last words and was killed for not ending then. */
  readonly lingered?: boolean;
  /** It was killed because it hung. */
  readonly hang?: Hang | undefined;
}

export function judgeEnd({ code, signal, failed, lingered = false, hang }: EndSigns): WorkerEnd {
  if (failed !== undefined) return { kind: "failed", error: failed };
  if (hang === "busy") return { kind: "crashed", reason: "hang" };
  if (hang === "still") return { kind: "killed", reason: "hang" };
  if (lingered || code === 0) return { kind: "done" };
  if (signal === null) return { kind: "crashed", reason: `exit code ${code}` };
  return { kind: FAULTS.has(signal) ? "crashed" : "killed", reason: signal };
}

/** @param cpuMs processor time since its last sign of life; `undefined` where it cannot be known */
export function judgeHang(signs: { hangMs: number; cpuMs: number | undefined; isStopped: boolean }): Hang {
  const { hangMs, cpuMs = 0, isStopped } = signs;
  return !isStopped && cpuMs >= hangMs * BUSY_PART ? "busy" : "still";
}

/** In a word or two, for the log and the list of workers. */
export function describeEnd(end: WorkerEnd): string {
  switch (end.kind) {
    case "done":
      return "exit code 0";
    case "failed":
      return end.error.code;
    case "crashed":
    case "killed":
      return end.reason;
  }
}
