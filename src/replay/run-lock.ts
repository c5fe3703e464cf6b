import path from "node:path";
import { MillraceError } from "../core/errors.ts";
import { lockSlot, type SlotLock } from "../journal/slot-lock.ts";

/** Keeps a second process from the same run, or from the same marks. The kernel lets go of it when the process ends. */
export async function lockRun(stateDir: string, name: string): Promise<SlotLock> {
  try {
    return await lockSlot({ dir: stateDir }, name);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const folder = path.join(stateDir, name);
    const why =
      error.code === "journal_locked"
        ? `another replay uses ${folder}. Wait until it has ended, or stop it`
        : `${folder} cannot be used: ${error.message}. Name another folder with --state-dir`;
    throw new MillraceError("replay_unusable", why, { cause: error });
  }
}
