import { fork } from "node:child_process";
import type { Clock, Timer } from "../core/clock.ts";
import { CrashRecord } from "./crash-record.ts";
import { forkOptions } from "./fork-options.ts";
import { type Epitaph, ForkedWorker } from "./forked-worker.ts";
import { RestartPolicy } from "./restart-policy.ts";
import type { SupervisorOptions, WorkerSpec, WorkerState, WorkerStatus } from "./supervisor.ts";
import { describeEnd, type WorkerEnd } from "./worker-end.ts";

/**
 * Keeps the worker of one slot running.
 *
 * ```
 *   start ──▶ starting ── ready ──▶ ready, emptying ── drain ──▶ draining ──▶ ended
 *              │  ▲  └───────────── drain ──────────────────────────▲  ▲
 *       it died│  │ the delay is over                                  │
 *              ▼  │                                                    │
 *             waiting ◀── it died ── ready, emptying                   │
 *                └──────────────────── drain ───────────────────────▶ ended
 * ```
 *
 * Ended as well: a worker whose slot is empty, and one that fails for a reason a person must
 * mend before it was ever ready.
 */
export class WorkerKeeper {
  readonly spec: WorkerSpec;
  readonly #options: SupervisorOptions;
  readonly #onOver: () => void;
  readonly #clock: Clock;
  readonly #policy: RestartPolicy;
  readonly #crashes = new CrashRecord();
  readonly #firstReady = Promise.withResolvers<unknown>();
  readonly #over = Promise.withResolvers<void>();
  #state: WorkerState = "starting";
  #sinceMs: number;
  #worker: ForkedWorker | undefined;
  #restartTimer: Timer | undefined;
  #restarts = 0;
  #lastEnd: string | undefined;
  #wasReady = false;
  #wasExceeded = false;
  #isStopping = false;
  #isKilled = false;

  /** @param onOver called when the worker has ended and will not be restarted */
  constructor(spec: WorkerSpec, options: SupervisorOptions, onOver: () => void) {
    this.spec = spec;
    this.#options = options;
    this.#onOver = onOver;
    this.#clock = options.clock;
    this.#policy = new RestartPolicy(options.config, options.random);
    this.#sinceMs = options.clock.nowMs();
  }

  /** Resolves with what the worker reports when it is ready for the first time. To be called once. */
  start(): Promise<unknown> {
    this.#fork();
    return this.#firstReady.promise;
  }

  /** Resolves when the worker has ended and will not be restarted. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  get status(): WorkerStatus {
    return {
      slot: this.spec.slot,
      task: this.spec.task,
      pid: this.#worker?.pid,
      state: this.#state,
      restarts: this.#restarts,
      sinceMs: this.#sinceMs,
      lastExit: this.#lastEnd,
    };
  }

  /** Restarts do not help, and it does not work at the moment. */
  get isHopeless(): boolean {
    return this.#policy.isExceeded && this.#state !== "ready" && this.#state !== "emptying";
  }

  ask(question: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#worker === undefined)
      return Promise.reject(new Error(`the worker of slot ${this.spec.slot} is not running`));
    return this.#worker.ask(question, timeoutMs);
  }

  drain(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    if (this.#worker === undefined) {
      this.#end(undefined);
      return;
    }
    this.#enter("draining");
    this.#worker.drain();
  }

  kill(): void {
    this.#isStopping = true;
    this.#isKilled = true;
    if (this.#worker === undefined) this.#end(undefined);
    else this.#worker.kill();
  }

  #fork(): void {
    const {
      entry,
      config,
      log,
      startMessage,
      onQuestion,
      env = process.env,
      execArgv = process.execArgv,
      earlyChild,
    } = this.#options;
    const { slot } = this.spec;
    this.#enter("starting");
    try {
      this.#worker = new ForkedWorker({
        child: earlyChild?.take() ?? fork(entry, [], forkOptions(env, execArgv)),
        start: startMessage(this.spec, this.#crashes.crashes),
        hangMs: config.hangMs,
        clock: this.#clock,
        log: log.child({ slot }),
        onReady: (report) => this.#ready(report),
        onQuestion: (question) => onQuestion(slot, question),
        onEnded: (epitaph) => this.#ended(epitaph),
      });
    } catch (error) {
      log.error({ err: error, slot }, "a worker could not be started");
      const reason = error instanceof Error ? error.message : String(error);
      this.#died({ kind: "killed", reason }, 0);
    }
  }

  #ready(report: unknown): void {
    if (!this.#isStopping) this.#enter(this.spec.task === "empty" ? "emptying" : "ready");
    if (this.#wasReady)
      this.#options.log.info({ slot: this.spec.slot, workerPid: this.#worker?.pid }, "the worker is back");
    this.#wasReady = true;
    this.#firstReady.resolve(report);
  }

  #ended({ end, life, workedMs, lastWords }: Epitaph): void {
    this.#worker = undefined;
    this.#crashes.ended(life, end.kind === "crashed" ? end.reason : undefined);
    this.#died(end, workedMs);
    this.#options.onEnded?.(this.spec, lastWords);
  }

  #died(end: WorkerEnd, workedMs: number): void {
    const { slot, task } = this.spec;
    this.#lastEnd = describeEnd(end);
    if (this.#isStopping && !this.#isKilled && end.kind !== "done") {
      this.#options.log.warn({ slot, exit: this.#lastEnd }, "a worker died while it was stopping");
    }
    const isEmpty = task === "empty" && end.kind === "done";
    const mustBeMended = end.kind === "failed" && !this.#wasReady;
    if (this.#isStopping || isEmpty || mustBeMended) this.#end(end);
    else this.#restartLater(end, workedMs);
  }

  #restartLater(end: WorkerEnd, workedMs: number): void {
    const { log, config } = this.#options;
    const { slot } = this.spec;
    const policy = this.#policy;
    const nowMs = this.#clock.monotonicMs();
    const delayMs = Math.round(
      end.kind === "done" ? policy.endedInOrder(nowMs, workedMs) : policy.died(nowMs, workedMs),
    );
    const problem = end.kind === "failed" ? end.error.message : undefined;
    const known = { slot, exit: this.#lastEnd, problem, crashes: this.#crashes.crashes.count, delayMs };
    if (end.kind === "done") log.info(known, "a worker ended; it is being replaced");
    else log.error(known, "a worker died; it is being replaced");
    if (policy.isExceeded && !this.#wasExceeded) {
      const { maxRestarts, withinMs } = config;
      log.error(
        { slot, maxRestarts, withinMs, exit: this.#lastEnd },
        "a worker keeps dying; it is tried again every 15 to 30 s only. The log and standard error say why it dies",
      );
    }
    this.#wasExceeded = policy.isExceeded;
    this.#enter("waiting");
    this.#restartTimer = this.#clock.after(delayMs, () => {
      this.#restarts++;
      this.#fork();
    });
  }

  /** For good. `end`: how its last process ended, when there was one. */
  #end(end: WorkerEnd | undefined): void {
    this.#restartTimer?.cancel();
    if (end?.kind === "failed") this.#firstReady.reject(end.error);
    else if (end?.kind === "done") this.#firstReady.resolve(undefined);
    else this.#firstReady.reject(new Error(`the worker of slot ${this.spec.slot} was stopped before it was ready`));
    this.#onOver();
    this.#over.resolve();
  }

  #enter(state: WorkerState): void {
    this.#state = state;
    this.#sinceMs = this.#clock.nowMs();
  }
}
