import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { CollectedEvent } from "../core/event.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import { backoffMs } from "./backoff.ts";
import { ThrottledLog } from "../core/throttled-log.ts";

/** Why a pipeline gave an event up; documented in `docs/errors.md`. */
export type DeadLetterCode =
  | "event_too_large"
  | "rejected_by_sink"
  | "retry_expired"
  | "encode_failed"
  | "crashed_worker";

interface DeadLetter {
  readonly event: CollectedEvent;
  readonly code: DeadLetterCode;
  readonly reason: string;
  /** More than words, for programs. */
  readonly detail: object | undefined;
}

/** What one append holds at most, so that it never needs much memory. */
const APPEND_EVENTS = 500;
const APPEND_BYTES = 4 * 1024 * 1024;

const RETRY = { minDelayMs: 100, maxDelayMs: 10_000 };

export interface DeadLettersOptions {
  readonly sink: string;
  readonly rejectLog: RejectLog;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called once for each append that succeeded. */
  readonly onWritten: (letters: readonly DeadLetter[]) => void;
}

/**
 * Writes the events a sink will never take to the dead letters. An event is given up only
 * once it is written there: a failed append is repeated until it succeeds.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #throttledLog: ThrottledLog;
  #waiting: DeadLetter[] = [];
  #appending: Promise<void> | undefined;
  #failures = 0;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#throttledLog = new ThrottledLog((events) =>
      options.log.warn({ events }, "events this sink does not take were written to the dead letters"),
    );
  }

  /** Takes note of an event to give up; `flush` writes it. */
  add(event: CollectedEvent, code: DeadLetterCode, reason: string, detail?: object): void {
    this.#waiting.push({ event, code, reason, detail });
  }

  flush(): void {
    if (this.#appending !== undefined || this.#retry !== undefined || this.#waiting.length === 0) return;
    const letters = this.#waiting.slice(0, countOfAppend(this.#waiting));
    this.#appending = this.#append(letters);
  }

  async #append(letters: readonly DeadLetter[]): Promise<void> {
    const { rejectLog, clock, log } = this.#options;
    const error = await rejectLog.append(letters.map((letter) => this.#entryOf(letter))).then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    );
    this.#appending = undefined;
    if (error !== undefined) {
      if (this.#failures === 0) log.error({ err: error.reason }, "the dead letters cannot be written; trying again");
      if (!this.#stopped) this.#retry = clock.after(this.#retryDelayMs(), () => this.#tryAgain());
      return;
    }
    if (this.#failures > 0) log.info("the dead letters are written again");
    this.#failures = 0;
    this.#waiting = this.#waiting.slice(letters.length);
    this.#throttledLog.add(letters.length, clock.monotonicMs());
    this.#options.onWritten(letters);
    this.flush();
  }

  #retryDelayMs(): number {
    return backoffMs(RETRY, this.#failures++, this.#options.random());
  }

  #tryAgain(): void {
    this.#retry = undefined;
    this.flush();
  }

  #entryOf({ event, code, reason, detail }: DeadLetter): RejectedEvent {
    return {
      atMs: this.#options.clock.nowMs(),
      source: event.source,
      sink: this.#options.sink,
      position: event.position,
      code,
      reasons: detail === undefined ? [reason] : [reason, detail],
      event: event.bytes,
    };
  }

  /** Ends the retries. Resolves once nothing more can be written; what is still waiting stays unsettled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.flush();
    while (this.#appending !== undefined) await this.#appending;
  }
}

function countOfAppend(letters: readonly DeadLetter[]): number {
  let bytes = 0;
  let count = 0;
  while (count < letters.length && count < APPEND_EVENTS && bytes < APPEND_BYTES) {
    bytes += letters[count]?.event.bytes.byteLength ?? 0;
    count++;
  }
  return count;
}
