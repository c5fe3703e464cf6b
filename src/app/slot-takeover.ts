import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import { lockSlot, type SlotLock } from "../journal/slot-lock.ts";

/** A worker whose supervisor was killed ends well within this. */
const WAIT_MS = 6_000;
const LOOK_EVERY_MS = 50;

/**
 * Locks a slot, waiting some seconds for a worker that is just ending: after `kill -9` of a
 * supervisor its workers finish what they have at hand, and the next supervisor may be there
 * before they are done. Rejects with `journal_locked` when the slot is not free in time.
 */
export async function lockWhenFree(
  config: { readonly dir: string },
  slot: string,
  clock: Clock,
  log: Logger,
): Promise<SlotLock> {
  const deadlineMs = clock.monotonicMs() + WAIT_MS;
  for (let saidSo = false; ; saidSo = true) {
    try {
      return await lockSlot(config, slot);
    } catch (error) {
      const isLocked = error instanceof MillraceError && error.code === "journal_locked";
      if (!isLocked || clock.monotonicMs() > deadlineMs) throw error;
      if (!saidSo) log.info({ slot, reason: error.message }, "waiting for the journal slot");
      await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve));
    }
  }
}
