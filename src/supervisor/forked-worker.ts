import type { ChildProcess } from "node:child_process";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import { Channel } from "./channel.ts";
import type { Life, Progress } from "./crash-record.ts";
import { beatEveryMs, checkEveryMs, Heartbeat } from "./heartbeat.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { processStat } from "./process-stat.ts";
import { Questions } from "./questions.ts";
import { type Hang, judgeEnd, judgeHang, type WorkerEnd } from "./worker-end.ts";

/** A worker that said its last words has nothing left to do; one that is still there after this is killed. */
const LINGER_MS = 3_000;

export interface ForkedWorkerOptions {
  /** Forked with `forkOptions`. */
  readonly child: ChildProcess;
  /** The message it is told first. */
  readonly start: unknown;
  readonly hangMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onReady: (report: unknown) => void;
  readonly onQuestion: (question: unknown) => Promise<unknown>;
  /** Called once, when the process is gone and everything it said was heard. */
  readonly onEnded: (epitaph: Epitaph) => void;
}

/** What is known of a worker once it is gone. */
export interface Epitaph {
  readonly end: WorkerEnd;
  readonly life: Life;
  /** How long it was ready; 0 when it never was. */
  readonly workedMs: number;
  readonly lastWords: unknown;
}

/** One process of a worker, from its fork to its end. It is not restarted: its keeper does that. */
export class ForkedWorker {
  readonly #options: ForkedWorkerOptions;
  readonly #child: ChildProcess;
  readonly #channel: Channel<ToWorker, FromWorker>;
  readonly #questions: Questions;
  readonly #heartbeat: Heartbeat;
  #checkTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;
  /** Processor time it had used at its last heartbeat. */
  #cpuMs = 0;
  #readyAtMs: number | undefined;
  #progressAtReady: Progress | undefined;
  #lastProgress: Progress | undefined;
  #failed: MillraceError | undefined;
  #lastWords: unknown;
  #lingered = false;
  #hang: Hang | undefined;
  #isGone = false;

  constructor(options: ForkedWorkerOptions) {
    const { clock, hangMs } = options;
    this.#options = options;
    this.#child = options.child;
    this.#channel = new Channel(this.#child);
    this.#questions = new Questions(this.#channel, clock);
    this.#questions.answerWith(options.onQuestion);
    this.#heartbeat = new Heartbeat(hangMs, clock.monotonicMs());
    this.#channel.listen((message) => this.#hear(message));
    // "close" comes after the end of the process and of its channel: everything that it said has been heard by then.
    this.#child.on("close", (code, signal) => {
      this.#gone(judgeEnd({ code, signal, failed: this.#failed, lingered: this.#lingered, hang: this.#hang }));
    });
    this.#child.on("error", (error: NodeJS.ErrnoException) => {
      // With a process there is its end to come; without one this is all.
      if (this.pid === undefined) this.#gone({ kind: "killed", reason: error.code ?? error.message });
    });
    this.#channel
      .post({ kind: "start", start: options.start, beatEveryMs: beatEveryMs(hangMs) })
      .catch((error: unknown) => {
        options.log.error({ err: error }, "a worker could not be told how to start");
        this.kill();
      });
    if (hangMs > 0) this.#checkLater();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(question: unknown, timeoutMs: number): Promise<unknown> {
    return this.#questions.ask(question, timeoutMs);
  }

  /** Asks for an orderly end; a worker that is still starting hears it when it is up. */
  drain(): void {
    void this.#channel.post({ kind: "drain" });
  }

  /** SIGKILL: it ends, even when it hangs or is stopped. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #hear(message: FromWorker): void {
    this.#heartbeat.seen(this.#options.clock.monotonicMs());
    switch (message.kind) {
      case "alive":
        this.#cpuMs = message.cpuMs;
        if (this.#progressAtReady !== undefined) this.#lastProgress = message.progress;
        return;
      case "ready":
        this.#readyAtMs = this.#options.clock.monotonicMs();
        this.#progressAtReady = message.progress;
        this.#lastProgress = message.progress;
        this.#options.onReady(message.report);
        return;
      case "failed":
        this.#failed = new MillraceError(message.code, message.message);
        this.#leave();
        return;
      case "end":
        this.#lastWords = message.lastWords;
        this.#leave();
        return;
      case "ask":
      case "answer":
      case "refusal":
        this.#questions.hear(message);
        return;
    }
  }

  /** It has said all; now it must go. */
  #leave(): void {
    this.#questions.close("the worker is ending");
    this.#checkTimer?.cancel();
    this.#lingerTimer = this.#options.clock.after(LINGER_MS, () => {
      this.#lingered = true;
      this.kill();
    });
  }

  #checkLater(): void {
    const { clock, hangMs } = this.#options;
    this.#checkTimer = clock.after(checkEveryMs(hangMs), () => {
      if (this.#heartbeat.hangs(clock.monotonicMs())) this.#killHanging();
      else this.#checkLater();
    });
  }

  #killHanging(): void {
    const { hangMs, log } = this.#options;
    const stat = this.pid === undefined ? undefined : processStat(this.pid);
    const cpuMs = stat === undefined ? undefined : Math.max(0, Math.round(stat.cpuMs - this.#cpuMs));
    this.#hang = judgeHang({ hangMs, cpuMs, isStopped: stat?.isStopped ?? false });
    log.error(
      { pid: this.pid, hangMs, cpuMs, stopped: stat?.isStopped },
      "a worker shows no sign of life; it is killed and replaced",
    );
    this.kill();
  }

  #gone(end: WorkerEnd): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#checkTimer?.cancel();
    this.#lingerTimer?.cancel();
    this.#questions.close("the worker has ended");
    this.#options.onEnded({
      end,
      life: { progressAtReady: this.#progressAtReady, lastProgress: this.#lastProgress },
      workedMs: this.#readyAtMs === undefined ? 0 : this.#options.clock.monotonicMs() - this.#readyAtMs,
      lastWords: this.#lastWords,
    });
  }
}
