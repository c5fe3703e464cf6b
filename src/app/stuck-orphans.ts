import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import { LOCK_NAME, slotHolder } from "../journal/slot-lock.ts";
import { slotsOnDisk } from "../journal/slots-on-disk.ts";

/** A worker whose supervisor is gone ends itself within 5 s, if it can. */
const WAIT_MS = 5_500;
const LOOK_EVERY_MS = 50;

/**
 * Waits until no worker of a supervisor that was killed has a slot of this journal. One that is
 * stuck, so that it cannot end itself, is killed: it would keep its slot and the port for ever.
 *
 * Only on Linux, where it can be told beyond doubt: a process that has the very lock file open,
 * and that has lost the parent which it noted there. Elsewhere it waits for nothing.
 */
export async function awaitOrphans(journal: { readonly dir: string }, clock: Clock, log: Logger): Promise<void> {
  const deadlineMs = clock.monotonicMs() + WAIT_MS;
  for (const { slot } of await slotsOnDisk(journal)) {
    for (let pid = await orphanOf(journal, slot); pid !== undefined; pid = await orphanOf(journal, slot)) {
      if (clock.monotonicMs() > deadlineMs) {
        log.warn({ slot, pid }, "a worker whose supervisor is gone does not end by itself, and is killed");
        process.kill(pid, "SIGKILL");
      }
      await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve));
    }
  }
}

/** The process that holds a slot, if it is a worker without its supervisor. */
async function orphanOf(journal: { readonly dir: string }, slot: string): Promise<number | undefined> {
  const directory = slotDirectory(journal, slot);
  try {
    const holder = await slotHolder(directory);
    if (holder?.parent === undefined || holder.pid === process.pid) return undefined;
    const stat = await readFile(`/proc/${holder.pid}/stat`, "utf8");
    // The name of the program, in parentheses, may hold anything.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (parent === holder.parent) return undefined;
    return (await hasOpen(holder.pid, await realpath(join(directory, LOCK_NAME)))) ? holder.pid : undefined;
  } catch {
    // Not Linux, or it has just ended.
    return undefined;
  }
}

async function hasOpen(pid: number, path: string): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => undefined)) === path) return true;
  }
  return false;
}
