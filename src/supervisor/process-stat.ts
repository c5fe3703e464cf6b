import { readFileSync } from "node:fs";

/** Linux reports processor time to programs in hundredths of a second (USER_HZ), on every architecture Node runs on. */
const TICK_MS = 10;

export interface ProcessStat {
  /** Processor time of all its threads since its start. */
  readonly cpuMs: number;
  /** By SIGSTOP or a debugger. */
  readonly isStopped: boolean;
}

/** What Linux knows of a process; `undefined` when it is gone, or on another system. */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** The fields are those of proc(5); the second, the name in brackets, may itself hold brackets and blanks. */
function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = ""] = fields;
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return { cpuMs: (userTicks + systemTicks) * TICK_MS, isStopped: state === "T" || state === "t" };
}
