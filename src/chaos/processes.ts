import { readFileSync } from "node:fs";

/** Sends a signal; to a whole group when the id is negative. Says whether there was somebody to get it. */
export function sendSignal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Whether the process runs. One that has ended and waits for its parent to notice does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return stateOf(pid) !== "Z";
}

/** The largest memory that a process has had, in bytes; `undefined` where the system does not tell (it does on Linux). */
export function peakRssBytes(pid: number): number | undefined {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, "status"))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

function stateOf(pid: number): string | undefined {
  const stat = readProc(pid, "stat");
  // The name, in brackets, may hold anything.
  return stat[stat.lastIndexOf(")") + 2];
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
