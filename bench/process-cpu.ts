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

/** Largest resident sets that a process and its descendants have had, added up, in bytes. Linux only. */
export function peakRssBytes(pid: number): number {
  let kibibytes = 0;
  for (const each of [pid, ...descendantsOf(pid)]) {
    kibibytes += Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${each}/status`, "utf8"))?.[1] ?? 0);
  }
  return kibibytes * 1024;
}
