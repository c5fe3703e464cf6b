import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { SupervisorConfig } from "./config.ts";
import type { Crashes } from "./crash-record.ts";
import type { EarlyChild } from "./early-child.ts";
import { WorkerKeeper } from "./worker-keeper.ts";

export interface WorkerSpec {
  readonly slot: string;
  /**
   * `serve`: runs until it is told to stop; restarted when it dies.
   * `empty`: ends by itself with exit code 0 when its slot is empty; restarted when it dies otherwise.
   */
  readonly task: "serve" | "empty";
}

/** `waiting`: it died, and its replacement is due after a delay. `emptying`: at work, with the task `empty`. */
export type WorkerState = "starting" | "ready" | "draining" | "waiting" | "emptying";

export interface WorkerStatus {
  readonly slot: string;
  readonly task: WorkerSpec["task"];
  readonly pid: number | undefined;
  readonly state: WorkerState;
  /** Since the supervisor started it first. */
  readonly restarts: number;
  /** When it came into this state, as Unix time. */
  readonly sinceMs: number;
  /** How the last process of this slot ended: `SIGKILL`, `exit code 1`, `hang`, `port_unavailable`, … */
  readonly lastExit: string | undefined;
}

export interface SupervisorOptions {
  /** The module that a worker process runs; it connects with `ParentLink`. */
  readonly entry: URL;
  readonly config: SupervisorConfig;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** What a worker is told when it starts; asked at each start, so that a replacement gets the newest settings. Structured-clonable. */
  readonly startMessage: (spec: WorkerSpec, crashes: Crashes) => unknown;
  /** Answers a question that a worker asks its supervisor. Structured-clonable. */
  readonly onQuestion: (slot: string, question: unknown) => Promise<unknown>;
  /** A process of a worker ended, with its last words (`ParentLink.end`), if it had any. */
  readonly onEnded?: (spec: WorkerSpec, lastWords: unknown) => void;
  /** The workers' environment; the supervisor's own by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** The workers' options for Node; the supervisor's own by default. A debugger is never theirs. */
  readonly execArgv?: readonly string[];
  /** Runs `entry` already, with these options; the first worker is told to be it. */
  readonly earlyChild?: EarlyChild;
}

/**
 * Keeps worker processes alive, one per slot: forks them, replaces those that die or hang, and
 * carries questions and answers. It knows neither what they do nor what they are asked.
 *
 * Invariant: what happens to one worker touches no other.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #keepers = new Map<string, WorkerKeeper>();
  #isDraining = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Starts a worker; resolves with what it reports when it is ready for the first time, or with
   * `undefined` when it ended by itself before that, as `empty` may.
   *
   * Rejects with the `MillraceError` that it reported when, before it was ever ready, it failed
   * for a reason that a person must mend (port taken, journal unusable, sink misconfigured);
   * such a worker is not restarted. Rejects as well when all are drained meanwhile. A worker
   * that dies otherwise is restarted, and this goes on waiting for it.
   */
  async run(spec: WorkerSpec): Promise<unknown> {
    const { slot } = spec;
    assert(!this.#keepers.has(slot), `slot ${slot} has a worker already`);
    if (this.#isDraining) throw new Error("the supervisor is stopping its workers");
    const keeper = new WorkerKeeper(spec, this.#options, () => this.#keepers.delete(slot));
    this.#keepers.set(slot, keeper);
    return keeper.start();
  }

  /**
   * Asks a worker; one that is still starting answers when it is up. Rejects when it is not
   * running, ends, refuses, or does not answer within `timeoutMs`.
   */
  async ask(slot: string, question: unknown, timeoutMs: number): Promise<unknown> {
    const keeper = this.#keepers.get(slot);
    if (keeper === undefined) throw new Error(`slot ${slot} has no worker`);
    return keeper.ask(question, timeoutMs);
  }

  /** All that run or will be restarted, in the order of their first start. */
  workers(): WorkerStatus[] {
    return [...this.#keepers.values()].map((keeper) => keeper.status);
  }

  /** Every serving worker has exceeded its restart intensity: nothing serves, and restarts do not help. */
  get hopeless(): boolean {
    const serving = [...this.#keepers.values()].filter(({ spec }) => spec.task === "serve");
    return serving.length > 0 && serving.every((keeper) => keeper.isHopeless);
  }

  /**
   * Tells all workers to drain, and resolves when all have ended. Those left after `atMostMs`
   * are killed. Safe to call twice; the earlier deadline counts.
   */
  async drain(atMostMs: number): Promise<void> {
    this.#isDraining = true;
    const keepers = [...this.#keepers.values()];
    if (keepers.length === 0) return;
    for (const keeper of keepers) keeper.drain();
    const deadline = this.#options.clock.after(atMostMs, () => {
      const late = this.workers().map(({ slot }) => slot);
      this.#options.log.warn({ slots: late, atMostMs }, "workers that did not end in time are killed");
      this.killAll();
    });
    await Promise.all(keepers.map((keeper) => keeper.over));
    deadline.cancel();
  }

  /** SIGKILL to all, at once; none is restarted. */
  killAll(): void {
    this.#isDraining = true;
    for (const keeper of this.#keepers.values()) keeper.kill();
  }
}
