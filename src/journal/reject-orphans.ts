import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { type Disk, errorCode } from "./disk.ts";
import { modifiedAt } from "./file-age.ts";
import { isRejectFileOf } from "./reject-files-on-disk.ts";

/** Whoever still serves the slot deletes its files itself, and first. */
const GRACE_MS = 3_600_000;

export interface RejectOrphansOptions {
  readonly config: { readonly dir: string; readonly maxAgeMs: number };
  readonly slot: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Files of rejected events that other slots wrote into the same directory: of workers that are no longer
 * configured, of slots that were taken over and emptied, and of replays. Nobody would delete them when they are old.
 */
export class RejectOrphans {
  readonly #options: RejectOrphansOptions;
  readonly #onDeleted: (bytes: number) => void;
  /** Sizes and times of the newest entries, by the monotonic clock, as of when they were seen to have changed. */
  #known = new Map<string, { readonly bytes: number; readonly modifiedMs: number }>();

  /** @param onDeleted is told the bytes of each file that was deleted */
  constructor(options: RejectOrphansOptions, onDeleted: (bytes: number) => void) {
    this.#options = options;
    this.#onDeleted = onDeleted;
  }

  /** Deletes those whose newest entry is too old. Never rejects. */
  async deleteOld(): Promise<void> {
    const { disk, config, slot, log } = this.#options;
    try {
      const known = new Map(this.#known);
      this.#known.clear();
      for (const name of await disk.list(config.dir)) {
        if (!isRejectFileOf(name) || isRejectFileOf(name, slot)) continue;
        await this.#look(join(config.dir, name), known);
      }
    } catch (error) {
      if (errorCode(error) !== "ENOENT")
        log.warn({ err: error }, "old files of rejected events could not be looked for");
    }
  }

  async #look(path: string, known: ReadonlyMap<string, { bytes: number; modifiedMs: number }>): Promise<void> {
    const { disk, clock, config } = this.#options;
    try {
      const { bytes, modifiedMs } = await disk.stat(path);
      const before = known.get(path);
      const file = before?.bytes === bytes ? before : { bytes, modifiedMs: modifiedAt(clock, modifiedMs) };
      if (clock.monotonicMs() - file.modifiedMs <= config.maxAgeMs + GRACE_MS) {
        this.#known.set(path, file);
        return;
      }
      await disk.unlink(path);
      this.#onDeleted(bytes);
    } catch (error) {
      // Another worker was first.
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }
}
