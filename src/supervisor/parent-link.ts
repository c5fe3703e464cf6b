import { systemClock } from "../core/clock.ts";
import type { MillraceError } from "../core/errors.ts";
import { Channel } from "./channel.ts";
import type { Progress } from "./crash-record.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { Questions } from "./questions.ts";

/** Longest wait for a supervisor that does not read, with something to say before the end. */
const FLUSH_MS = 2_000;

type StopReason = "drain" | "orphaned";

/**
 * A worker's side of the channel to the supervisor that forked it.
 *
 * The channel keeps the process running until `end`, `failed`, or the supervisor's own end.
 */
export class ParentLink {
  /**
   * How far this slot has got, such as its cursors; sent with each heartbeat and with `ready`.
   * A worker that crashes without a change of it crashed at the same place as the one before.
   * So it had better tell what is saved: what a successor would begin with.
   */
  progress: () => Progress = () => ({});

  readonly #channel: Channel<FromWorker, ToWorker>;
  readonly #questions: Questions;
  readonly #stopReasons: StopReason[] = [];
  readonly #stopListeners: ((why: StopReason) => void)[] = [];
  readonly #start = Promise.withResolvers<unknown>();
  #beating: NodeJS.Timeout | undefined;
  #isBeatUnsent = false;
  #isOver = false;

  private constructor() {
    this.#channel = new Channel(process);
    this.#questions = new Questions(this.#channel, systemClock);
    this.#channel.listen((message) => this.#hear(message));
    process.on("disconnect", () => this.#disconnected());
    this.#beat();
  }

  /**
   * Connects to the supervisor that forked this process, and begins to show signs of life.
   * Resolves with what the supervisor said to start with. When the supervisor is gone before
   * it said anything, nothing was begun, and the process exits.
   */
  static async connect(): Promise<{ link: ParentLink; start: unknown }> {
    if (process.send === undefined) throw new Error("this program is a worker: its supervisor starts it");
    if (!process.connected) process.exit(0);
    const link = new ParentLink();
    return { link, start: await link.#start.promise };
  }

  /** The worker is at work. */
  ready(report: unknown): void {
    void this.#channel.post({ kind: "ready", report, progress: this.progress() });
  }

  /** The start failed for a reason a person can mend. Resolves when that was said; then the process should end. */
  async failed({ code, message }: MillraceError): Promise<void> {
    await this.#sayLast({ kind: "failed", code, message });
  }

  /** Sets who answers the supervisor's questions; those that came before are answered then. */
  onQuestion(handler: (question: unknown) => Promise<unknown>): void {
    this.#questions.answerWith(handler);
  }

  /** Rejects when the supervisor refuses, is gone, or does not answer within `timeoutMs`. */
  ask(question: unknown, timeoutMs: number): Promise<unknown> {
    return this.#questions.ask(question, timeoutMs);
  }

  /**
   * `drain`: the supervisor asks for an orderly end. `orphaned`: the supervisor is gone, so end
   * soon; it may come after `drain`. A listener hears what came before it, too.
   */
  onStop(listener: (why: StopReason) => void): void {
    this.#stopListeners.push(listener);
    for (const why of this.#stopReasons) listener(why);
  }

  /** Last words. Resolves when they were said; then the process should end. */
  async end(lastWords: unknown): Promise<void> {
    await this.#sayLast({ kind: "end", lastWords });
  }

  #hear(message: ToWorker): void {
    switch (message.kind) {
      case "start":
        this.#beating = setInterval(() => this.#beat(), message.beatEveryMs).unref();
        this.#start.resolve(message.start);
        return;
      case "drain":
        this.#stop("drain");
        return;
      case "ask":
      case "answer":
      case "refusal":
        this.#questions.hear(message);
        return;
    }
  }

  #beat(): void {
    // A supervisor that does not read needs no second one.
    if (this.#isBeatUnsent) return;
    this.#isBeatUnsent = true;
    const { user, system } = process.cpuUsage();
    void this.#channel.post({ kind: "alive", progress: this.progress(), cpuMs: (user + system) / 1_000 }).then(() => {
      this.#isBeatUnsent = false;
    });
  }

  async #sayLast(message: FromWorker): Promise<void> {
    const timeout = Promise.withResolvers<void>();
    const timer = systemClock.after(FLUSH_MS, timeout.resolve);
    await Promise.race([this.#channel.post(message), timeout.promise]);
    timer.cancel();
    this.#isOver = true;
    clearInterval(this.#beating);
    this.#questions.close("this worker is ending");
    if (process.connected) process.disconnect?.();
  }

  #disconnected(): void {
    if (this.#isOver) return;
    if (this.#beating === undefined) process.exit(0);
    clearInterval(this.#beating);
    this.#questions.close("the supervisor is gone");
    this.#stop("orphaned");
  }

  #stop(why: StopReason): void {
    this.#stopReasons.push(why);
    for (const listener of this.#stopListeners) listener(why);
  }
}
