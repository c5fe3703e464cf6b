import { rename, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** What the disk does wrong. Shares are from 0 to 1. */
export interface DiskFaults {
  /** Writes fail with this error, some of them half way. */
  readonly write?: { readonly code: "EIO" | "ENOSPC"; readonly share: number };
  /** Writes take only a part of what they were given. */
  readonly shortWriteShare?: number;
  /** Syncs fail with EIO. */
  readonly failedSyncShare?: number;
  /** Syncs take longer, in milliseconds. */
  readonly syncDelayMs?: number;
}

/** What is made to go wrong inside the collector's processes. */
export interface Injected {
  /** How far the wall clock is off, in milliseconds. */
  readonly clockShiftMs: number;
  readonly disk: DiskFaults;
}

/** Environment variable that tells the preloaded module where the control file is. */
export const CONTROL_VARIABLE = "MILLRACE_CHAOS_CONTROL";
/** Environment variable with the directory below which the disk goes wrong. */
export const DIRECTORY_VARIABLE = "MILLRACE_CHAOS_DIRECTORY";

/** How old a process's knowledge of the control file may be. */
export const CONTROL_EVERY_MS = 10;

const NOTHING: Injected = { clockShiftMs: 0, disk: {} };

/**
 * Switches faults inside the collector's processes, which know nothing of it: a module that
 * Node loads before anything else (`--import`) stands between them and the file system and the
 * clock, and reads here what to do. Workers inherit it with the environment.
 */
export class Injection {
  readonly #control: string;
  readonly #directory: string;
  #injected = NOTHING;
  #writing: Promise<void> = Promise.resolve();

  private constructor(control: string, directory: string) {
    this.#control = control;
    this.#directory = directory;
  }

  /**
   * @param workDir where the control file is kept
   * @param directory files below it are subject to the disk's faults
   */
  static async create(workDir: string, directory: string): Promise<Injection> {
    const injection = new Injection(join(workDir, "injection.json"), directory);
    await injection.#write();
    return injection;
  }

  /** What a process needs in its environment to be subject to it. */
  get environment(): NodeJS.ProcessEnv {
    const preload = new URL(`./preload${extname(import.meta.filename)}`, import.meta.url);
    const others = process.env["NODE_OPTIONS"];
    return {
      NODE_OPTIONS: `${others === undefined ? "" : `${others} `}--import ${preload.href}`,
      [CONTROL_VARIABLE]: this.#control,
      [DIRECTORY_VARIABLE]: this.#directory,
    };
  }

  /** Replaces some of it; when it resolves, every process that runs goes by it. */
  async set(change: Partial<Injected>): Promise<void> {
    this.#injected = { ...this.#injected, ...change };
    // Lanes change it independently of one another: one write at a time.
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
    await delay(2 * CONTROL_EVERY_MS);
  }

  async #write(): Promise<void> {
    await writeFile(`${this.#control}.new`, JSON.stringify(this.#injected));
    await rename(`${this.#control}.new`, this.#control);
  }
}
