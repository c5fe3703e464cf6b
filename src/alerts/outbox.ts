import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { Messenger, SendResult } from "./channels/messenger.ts";
import type { Message, Notice } from "./notice.ts";
import { type Outlet, type OutletFigures, retryDelayMs } from "./outlet.ts";

/** What waits for a channel at most. A notice is about a kilobyte. */
const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 2 * 1024 * 1024;

/** Notices in one message: Slack shows at most 50 blocks, and nobody reads more. */
const MAX_NOTICES = 20;

/** Between the attempts of a channel that is being closed. */
const HASTE_MS = 200;

export interface OutboxOptions {
  readonly channel: string;
  readonly minGapMs: number;
  readonly maxAgeMs: number;
  readonly messenger: Messenger;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Logger;
}

interface Waiting {
  readonly notice: Notice;
  readonly bytes: number;
  /** By the monotonic clock. */
  readonly sinceMs: number;
}

type DropReason = "queue_full" | "too_old" | "refused" | "shutdown";

/**
 * The messages of one channel, sent one after the other. What has come together while the
 * channel was busy, away, or between two messages, goes out together.
 */
export class Outbox implements Outlet {
  readonly #options: OutboxOptions;
  readonly #failureLog: ThrottledLog;
  readonly #abort = new AbortController();
  #queue: Waiting[] = [];
  #bytes = 0;
  /** The message that is sent until it is taken, made of the first of the queue. */
  #current: Message | undefined;
  #isSending = false;
  #timer: Timer | undefined;
  /** Nothing is sent before, by the monotonic clock. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #failuresInARow = 0;
  #untold = 0;
  #sent = 0;
  #failures = 0;
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #lastError: string | undefined;
  #closed: Promise<void> | undefined;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { channel, log } = options;
    this.#failureLog = new ThrottledLog((attempts) =>
      log.warn({ channel, attempts, reason: this.#lastError }, "alerts cannot be told; they wait and are tried again"),
    );
  }

  tell(notices: readonly Notice[]): void {
    for (const notice of notices) {
      const bytes = Buffer.byteLength(JSON.stringify(notice));
      if (this.#closed !== undefined || this.#queue.length >= MAX_WAITING || this.#bytes + bytes > MAX_WAITING_BYTES) {
        this.#countDropped(this.#closed === undefined ? "queue_full" : "shutdown", 1);
        continue;
      }
      this.#queue.push({ notice, bytes, sinceMs: this.#options.clock.monotonicMs() });
      this.#bytes += bytes;
    }
    this.#pump();
  }

  /** What goes on firing is told by reminders. */
  show(): void {}

  figures(): OutletFigures {
    return {
      channel: this.#options.channel,
      sent: this.#sent,
      failures: this.#failures,
      waiting: this.#queue.length,
      dropped: { ...this.#dropped },
      lastError: this.#lastError,
    };
  }

  async close(atMostMs: number): Promise<void> {
    this.#closed ??= this.#close(atMostMs);
    await this.#closed;
  }

  async #close(atMostMs: number): Promise<void> {
    const { clock, messenger, log, channel } = this.#options;
    this.#emptied = Promise.withResolvers();
    const deadline = clock.after(atMostMs, () => this.#emptied?.resolve());
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
    this.#pump();
    await this.#emptied.promise;
    deadline.cancel();
    this.#timer?.cancel();
    this.#abort.abort();
    if (this.#queue.length > 0) {
      const rules = [...new Set(this.#queue.map(({ notice }) => notice.rule))];
      log.warn(
        { channel, notices: this.#queue.length, rules, reason: this.#lastError },
        "alerts could not be told before the end",
      );
      this.#drop(this.#queue.length, "shutdown");
    }
    await messenger.close();
  }

  /** Sends, or sees to it that it is called when there is something to send. */
  #pump(): void {
    if (this.#isSending || this.#abort.signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dropOld();
    if (this.#queue.length === 0) {
      this.#emptied?.resolve();
      return;
    }
    const waitMs = this.#notBeforeMs - this.#options.clock.monotonicMs();
    if (waitMs > 0) this.#timer = this.#options.clock.after(waitMs, () => this.#pump());
    else void this.#send();
  }

  async #send(): Promise<void> {
    const { messenger, log, channel } = this.#options;
    const message = (this.#current ??= {
      id: `msg_${randomUUID()}`,
      notices: this.#queue.slice(0, MAX_NOTICES).map(({ notice }) => notice),
      dropped: this.#untold,
    });
    this.#isSending = true;
    let result: SendResult;
    try {
      result = await messenger.send(message, this.#abort.signal);
    } catch (error) {
      log.error({ err: error, channel }, "bug in the channel: it must answer, not throw");
      result = { kind: "failed", reason: "a bug in the channel" };
    }
    this.#isSending = false;
    if (!this.#abort.signal.aborted) this.#settle(message, result);
    this.#pump();
  }

  #settle(message: Message, result: SendResult): void {
    const { clock, minGapMs, random, log, channel } = this.#options;
    const nowMs = clock.monotonicMs();
    if (result.kind === "failed") {
      this.#failed(result.reason);
      const delayMs = retryDelayMs(++this.#failuresInARow, random(), result.retryAfterMs);
      this.#notBeforeMs = nowMs + (this.#closed === undefined ? delayMs : HASTE_MS);
      return;
    }
    const failuresBefore = this.#failuresInARow;
    this.#failuresInARow = 0;
    this.#current = undefined;
    this.#notBeforeMs = nowMs + (this.#closed === undefined ? minGapMs : 0);
    if (result.kind === "refused") {
      this.#failed(result.reason);
      log.error({ channel, reason: result.reason }, "a message about alerts was refused for good, and dropped");
      this.#drop(message.notices.length, "refused");
      return;
    }
    if (failuresBefore > 0) log.info({ channel, failures: failuresBefore }, "alerts are told again");
    if (result.warning !== undefined)
      log.warn({ channel, warning: result.warning }, "alerts were told, but not to all");
    this.#lastError = undefined;
    this.#untold -= message.dropped;
    this.#sent += message.notices.length;
    this.#remove(message.notices.length);
  }

  #failed(reason: string): void {
    this.#failures++;
    this.#lastError = reason;
    this.#failureLog.add(1, this.#options.clock.monotonicMs());
  }

  #dropOld(): void {
    const oldestMs = this.#options.clock.monotonicMs() - this.#options.maxAgeMs;
    const firstYoung = this.#queue.findIndex(({ sinceMs }) => sinceMs > oldestMs);
    const old = firstYoung === -1 ? this.#queue.length : firstYoung;
    if (old === 0) return;
    // What is left of it goes out in the next message.
    this.#current = undefined;
    this.#drop(old, "too_old");
  }

  #drop(notices: number, reason: DropReason): void {
    this.#remove(notices);
    this.#countDropped(reason, notices);
  }

  #countDropped(reason: DropReason, notices: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + notices;
    this.#untold += notices;
  }

  #remove(notices: number): void {
    for (const { bytes } of this.#queue.splice(0, notices)) this.#bytes -= bytes;
  }
}
