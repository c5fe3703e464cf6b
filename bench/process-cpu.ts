import { readFileSync } from "node:fs";
import { descendantsOf } from "../test/kit/process-tree.ts";

/** Clock ticks a second in /proc/PID/stat: 100 on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/** User and system CPU time that a process, its descendants and their threads have used, in microseconds. Linux only. */
export function processCpuMicros(pid: number): number {
  let ticks = 0;
  for (const each of [pid, ...descendantsOf(pid)]) {
    const stat = readFileSync(`/proc/${each}/stat`, "utf8");
    // The second field is the command in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1e6) / TICKS_PER_SECOND;
}

/** The largest resident set that each process has had. */
export interface PeakRss {
  /** The process itself: a collector's supervisor. */
  readonly ownBytes: number;
  /** The largest of its descendants: a worker; 0 when there are none. */
  readonly workerBytes: number;
}

/** Since the processes were started. Linux only. */
export function peakRss(pid: number): PeakRss {
  return { ownBytes: peakBytes(pid), workerBytes: Math.max(0, ...descendantsOf(pid).map((each) => peakBytes(each))) };
}

function peakBytes(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}
