import { readFileSync } from "node:fs";

/** Kept for the journal, sinks, logs and the admin port. */
const RESERVED_FILES = 200;

/** How many files this process may have open, sockets included; `undefined` where the system does not tell. */
export function openFilesLimit(): number | undefined {
  let limits: string;
  try {
    limits = readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** How many connections leave files for everything else: what is asked for, or as many as the limit allows. */
export function connectionsWithin(filesLimit: number | undefined, wanted: number): number {
  if (filesLimit === undefined) return wanted;
  const reserved = Math.min(RESERVED_FILES, Math.ceil(filesLimit / 2));
  return Math.min(wanted, Math.max(1, filesLimit - reserved));
}
