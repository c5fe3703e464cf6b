import { readdirSync, readFileSync } from "node:fs";

/** The process ids of all descendants of a process, from Linux's /proc; without the process itself. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  for (const pending = [pid]; pending.length > 0;) {
    const some = children.get(pending.pop() ?? 0) ?? [];
    found.push(...some);
    pending.push(...some);
  }
  return found;
}

function parentOf(pid: string): number | undefined {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** False once a process has ended, though whoever adopted it has not asked how. */
export function isRunning(pid: number): boolean {
  const state = statOf(String(pid))?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** State, parent and what follows in /proc/PID/stat; `undefined` when the process is gone. */
function statOf(pid: string): string[] | undefined {
  try {
    // The name in brackets may itself hold brackets and blanks.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Sends SIGKILL to a process and all its descendants, so that none of them sees another one die. */
export function killTree(pid: number): void {
  // Stopped first, so that no process is started meanwhile, and nothing is done about those that are gone.
  signal(pid, "SIGSTOP");
  for (const each of [...descendantsOf(pid), pid]) signal(each, "SIGKILL");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/** Long enough for any thread to come to where it can be stopped. */
const STALL_MS = 5_000;

/**
 * `SIGSTOP`, and waits until the process stands still: it takes effect when the kernel comes to it, and
 * until then the process may answer.
 */
export function stall(pid: number): void {
  process.kill(pid, "SIGSTOP");
  for (const deadline = Date.now() + STALL_MS; Date.now() < deadline;) {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) => statOf(`${pid}/task/${thread}`)?.[0]);
    if (threads.every((state) => state === undefined || state === "T")) return;
  }
  throw new Error(`process ${pid} cannot be stopped`);
}
