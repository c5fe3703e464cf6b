import { readdir, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import { hourOfFolder } from "../formats/hour-folders.ts";

/** How often it is looked for claims that are too old; more often when they are kept for less. */
const LOOK_EVERY_MS = 3_600_000;

/** What is still being written is younger, whoever writes it. */
const MAX_PARTIAL_AGE_MS = 3_600_000;

const CLAIM = /^\d+-[0-9a-f]{64}\.(json|bin)$/;
const PARTIAL = /^\.partial-[0-9a-f-]{36}$/;

export interface ClaimRetentionOptions {
  readonly dir: string;
  /** `undefined`: claims are kept for ever, and only what a crash left half written is deleted. */
  readonly maxAgeMs: number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Deletes claims that were stored longer ago than `maxAgeMs`: by the age of the file, not the hour in its
 * name, since an event may have waited long before it was stored; and files that a crash left half written,
 * after an hour. Other files are never touched.
 */
export class ClaimRetention {
  readonly #options: ClaimRetentionOptions;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ClaimRetentionOptions) {
    this.#options = options;
    this.#wait();
  }

  #wait(): void {
    const { clock, maxAgeMs } = this.#options;
    this.#timer = clock.after(Math.min(LOOK_EVERY_MS, Math.max(1_000, (maxAgeMs ?? LOOK_EVERY_MS) / 10)), () => {
      this.#looking = this.deleteOld().then(() => {
        if (!this.#isClosed) this.#wait();
      });
    });
  }

  async deleteOld(): Promise<void> {
    const { dir, log } = this.#options;
    try {
      for (const day of await namesIn(dir)) {
        for (const hour of await namesIn(path.join(dir, day))) {
          if (this.#isClosed) return;
          if (hourOfFolder(day, hour) !== undefined) await this.#deleteOldIn(path.join(dir, day, hour));
        }
        await removeIfEmpty(path.join(dir, day), day.startsWith("dt="));
      }
    } catch (error) {
      log.error({ err: error }, "old data of the claim check cannot be deleted; trying again later");
    }
  }

  async #deleteOldIn(folder: string): Promise<void> {
    const { clock, maxAgeMs } = this.#options;
    for (const name of await namesIn(folder)) {
      const file = path.join(folder, name);
      const atMostMs = CLAIM.test(name) ? maxAgeMs : PARTIAL.test(name) ? MAX_PARTIAL_AGE_MS : undefined;
      if (atMostMs === undefined) continue;
      const storedMs = await modifiedMs(file);
      if (storedMs + atMostMs < clock.nowMs()) await rm(file, { force: true });
    }
    await removeIfEmpty(folder, true);
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#looking;
  }
}

/** Of a file that another worker has deleted meanwhile: never. */
async function modifiedMs(file: string): Promise<number> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return found?.mtimeMs ?? Number.POSITIVE_INFINITY;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
}

async function removeIfEmpty(folder: string, isOurs: boolean): Promise<void> {
  if (isOurs && (await namesIn(folder)).length === 0) await rmdir(folder).catch(() => {});
}
