import { readdirSync, readFileSync } from "node:fs";

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
  return isThere(pid) && statOf(pid)[0] !== "Z";
}

/** Whether a process of the group runs, whoever forked it and when. */
export function isGroupAlive(group: number): boolean {
  if (!isThere(-group)) return false;
  if (process.platform !== "linux") return true;
  // Those that wait for a parent to notice their end are still there for signals.
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isOfGroup(Number(name), group));
}

function isOfGroup(pid: number, group: number): boolean {
  const [state, , processGroup] = statOf(pid);
  return state !== "Z" && Number(processGroup) === group;
}

/** The largest memory that a process has had, in bytes; `undefined` where the system does not tell (it does on Linux). */
export function peakRssBytes(pid: number): number | undefined {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, "status"))?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Whether there is somebody to get signals: a process, or of a group when the id is negative. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** State, parent, group and what follows; nothing where the system does not tell. */
function statOf(pid: number): string[] {
  const stat = readProc(pid, "stat");
  // The name, in brackets, may hold anything.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
