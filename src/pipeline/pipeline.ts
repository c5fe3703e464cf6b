import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import type { SinkState } from "../core/deliveries.ts";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { RejectLog } from "../core/reject-log.ts";
import type { Fate, Receipt, Sink } from "../core/sink.ts";
import { Attempts } from "./attempts.ts";
import { Batcher, type BatchTrigger } from "./batcher.ts";
import { Bisection } from "./bisection.ts";
import { Circuit, type CircuitChange } from "./circuit.ts";
import { DeadLetters } from "./dead-letters.ts";
import { type Dispatch, Dispatcher } from "./dispatcher.ts";
import { Filter } from "./filter.ts";
import { Intake } from "./intake.ts";
import type { PipelineMetrics, SinkMetrics } from "./metrics.ts";
import { RetryQueue } from "./retry-queue.ts";
import { type SettleListener, Settlement } from "./settlement.ts";
import type { SinkHealth } from "./sink-health.ts";
import { sinkStateOf, STANDING } from "./standing.ts";

/** Most events a pipeline has read and not settled. */
const MAX_HELD_EVENTS = 262_144;

/** Most bytes of them, when two rounds of full batches do not need more. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** After the deadline of a drain, the least time to write dead letters and close the sink. */
const CLOSE_GRACE_MS = 2_000;

export interface PipelineOptions {
  readonly settings: SinkSettings;
  readonly sink: Sink;
  readonly journal: Journal;
  /** The cursor to continue from. */
  readonly from: Position;
  /** Told of each move of the cursor; never after `stop` or `drain` has resolved. */
  readonly settle: SettleListener;
  readonly deadLetters: RejectLog;
  readonly clock: Clock;
  /** From 0 up to 1, for the jitter of delays. */
  readonly random: () => number;
  readonly metrics: PipelineMetrics;
  readonly log: Logger;
}

/**
 * Brings the events of the journal to one sink:
 *
 *     journal ─▶ intake ─▶ batcher ─▶ dispatcher ─▶ sink
 *                  │          ▲  ▲        │ receipt
 *                  │          │  └─ retry queue ◀─┤ retryable
 *                  │          └──── bisection  ◀──┤ refused whole
 *                  │ dropped        dead letters ◀┤ rejected
 *                  ▼                    ▼         ▼ delivered
 *              settlement ◀─────────────┴─────────┘ ─▶ cursor
 *
 * All of it happens in `#pump`, which runs when something has changed: the journal was
 * written, a receipt came, or a timer says that a batch, a retry or a probe is due.
 *
 * Invariants: the cursor moves only over events whose fate is final; what was delivered is
 * not sent again while the process lives; the events read and not settled are bounded.
 */
export class Pipeline {
  readonly settings: SinkSettings;
  readonly #sink: Sink;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: Logger;
  readonly #metrics: SinkMetrics;
  readonly #settlement: Settlement;
  readonly #intake: Intake;
  readonly #batcher: Batcher;
  readonly #attempts: Attempts;
  readonly #retries = new RetryQueue();
  readonly #bisection = new Bisection();
  readonly #circuit: Circuit;
  readonly #dispatcher: Dispatcher;
  readonly #deadLetters: DeadLetters;

  /** `stopping`: nothing new is sent, but receipts still count. `stopped`: nothing counts any more. */
  #phase: "new" | "running" | "draining" | "stopping" | "stopped" = "new";
  #stopped: Promise<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;
  #isPumpScheduled = false;
  /** How long closing may take once nothing is on its way. */
  #graceMs: number;
  #isFailing = false;
  #sinceMs: number;
  #lastError: string | undefined;

  /** Throws `filter_invalid` when the `when:` of the settings cannot be used. */
  constructor(options: PipelineOptions) {
    const { settings, sink, journal, from, clock, random, log } = options;
    this.settings = settings;
    this.#sink = sink;
    this.#journal = journal;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#graceMs = settings.timeoutMs;
    this.#sinceMs = clock.nowMs();
    const filter = settings.when === undefined ? undefined : new Filter(settings.when);
    this.#metrics = options.metrics.forSink(settings.name, () => this.health());
    this.#settlement = new Settlement(from, MAX_HELD_EVENTS, options.settle);
    this.#batcher = new Batcher(sink.limits);
    this.#attempts = new Attempts(settings.retry);
    this.#circuit = new Circuit(settings.retry, random);
    this.#deadLetters = new DeadLetters({
      sink: settings.name,
      rejectLog: options.deadLetters,
      clock,
      random,
      log,
      onWritten: (letters) => {
        if (this.#phase === "stopped") return;
        for (const { event, code } of letters) {
          this.#settlement.settle(event, STANDING.deadLettered);
          this.#attempts.forget(event.position);
          this.#metrics.deadLettered(code, 1);
        }
        this.#pump();
      },
    });
    this.#dispatcher = new Dispatcher({
      sink,
      maxInFlight: settings.maxInFlight,
      timeoutMs: settings.timeoutMs,
      clock,
      log,
      onReceipt: (dispatch, receipt) => this.#onReceipt(dispatch, receipt),
    });
    this.#intake = new Intake({
      reader: journal.reader(from),
      sink,
      filter,
      settlement: this.#settlement,
      deadLetters: this.#deadLetters,
      maxHeldBytes: Math.max(MAX_HELD_BYTES, 2 * settings.maxInFlight * sink.limits.maxBytes),
      clock,
      metrics: this.#metrics,
      log,
      onReady: () => this.#pump(),
    });
  }

  start(): void {
    assert(this.#phase === "new", "a pipeline is started once");
    this.#phase = "running";
    this.#pump();
  }

  /** The journal was written. Cheap, and returns at once: the work is done in a later turn of the event loop. */
  wake(): void {
    if (this.#isPumpScheduled || !this.#dispatcher.hasRoom) return;
    this.#isPumpScheduled = true;
    // A turn later, so that the appends which woke us are acknowledged first.
    setImmediate(() => {
      this.#isPumpScheduled = false;
      this.#pump();
    });
  }

  /**
   * Sends everything the journal holds, partial batches and waiting retries at once, for at
   * most `deadlineMs`. Then stops, aborting what is still on its way. Resolves with the
   * number of positions that are not settled; those not read yet may turn out to hold no event.
   */
  async drain(deadlineMs: number): Promise<number> {
    if (this.#phase === "running") {
      this.#phase = "draining";
      const nowMs = this.#clock.monotonicMs();
      this.#circuit.hasten(nowMs);
      this.#retries.hasten(nowMs);
      this.#bisection.hasten(nowMs);
      this.#drained = Promise.withResolvers();
      const { promise, resolve } = this.#drained;
      const deadline = this.#clock.after(deadlineMs, resolve);
      this.#pump();
      await promise;
      deadline.cancel();
      this.#dispatcher.abortAll();
      this.#graceMs = Math.max(CLOSE_GRACE_MS, nowMs + deadlineMs - this.#clock.monotonicMs());
    }
    await this.stop();
    return this.#held;
  }

  /**
   * Stops reading and sending. Writes on their way may end, within `timeoutMs`, and still
   * count; then the sink is closed. Safe to call twice and without `start`.
   */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#phase = "stopping";
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#intake.close();
    this.#drained?.resolve();
    // Each write has its own timeout.
    await this.#dispatcher.idle();
    await this.#within(this.#deadLetters.stop(), "the dead letters were not written in time; their events stay held");
    this.#phase = "stopped";
    this.#metrics.detach();
    const closed = this.#sink.close().catch((error: unknown) => this.#log.error({ err: error }, "bug in the sink"));
    await this.#within(closed, "the sink did not close in time");
  }

  async #within(ending: Promise<void>, otherwise: string): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.after(this.#graceMs, () => {
      this.#log.warn(otherwise);
      late.resolve();
    });
    await Promise.race([ending, late.promise]);
    timer.cancel();
  }

  health(): SinkHealth {
    const { oldestReceivedMs } = this.#settlement;
    const failing = this.#circuit.state === "closed" ? "failing" : "open";
    return {
      state: this.#isFailing ? failing : "ok",
      sinceMs: this.#sinceMs,
      lastError: this.#lastError,
      inFlight: this.#dispatcher.inFlight,
      lagEvents: this.#held,
      lagMs: oldestReceivedMs === undefined ? 0 : Math.max(0, this.#clock.nowMs() - oldestReceivedMs),
    };
  }

  /**
   * Waits until `count` events from `from` on are settled. Events that `when` keeps from
   * this sink count as delivered. Once `signal` aborts, the promise never settles.
   */
  async whenSettled(from: Position, count: number, signal: AbortSignal): Promise<"delivered" | "undelivered"> {
    return this.#settlement.whenSettled(from, count, signal);
  }

  stateOf(position: Position): SinkState {
    return sinkStateOf(this.#settlement.standingOf(position));
  }

  /** Events not settled, read or not. */
  get #held(): number {
    return this.#settlement.held + this.#journal.end - this.#settlement.end;
  }

  #pump(): void {
    if (this.#phase === "running" || this.#phase === "draining") {
      const nowMs = this.#clock.monotonicMs();
      this.#intake.beginTurn();
      while (this.#dispatcher.hasRoom && this.#circuit.nextMs <= nowMs && this.#sendNext(nowMs));
      if (this.#intake.isPaused) this.wake();
      this.#setTimer(nowMs);
    }
    if (this.#phase === "new" || this.#phase === "stopped") return;
    this.#deadLetters.flush();
    this.#settlement.publish();
    if (this.#held === 0) this.#drained?.resolve();
  }

  /** Sends what is to go next; false when nothing is ready to go. */
  #sendNext(nowMs: number): boolean {
    const part = this.#bisection.next(nowMs);
    if (part !== undefined) {
      this.#dispatcher.send({ events: part, sentMs: nowMs, isPart: true, isProbe: this.#circuit.sent() });
      return true;
    }
    const trigger = this.#fill(nowMs);
    if (trigger === undefined) return false;
    this.#metrics.batch(trigger, this.#batcher.events, this.#batcher.bytes);
    const events = this.#batcher.take();
    this.#dispatcher.send({ events, sentMs: nowMs, isPart: false, isProbe: this.#circuit.sent() });
    return true;
  }

  /** Fills the open batch, with due retries first so that old events go before new ones. */
  #fill(nowMs: number): BatchTrigger | undefined {
    const batcher = this.#batcher;
    for (let retry = this.#retries.peek(nowMs); retry !== undefined; retry = this.#retries.peek(nowMs)) {
      if (!batcher.fits(retry.bytes)) return batcher.trigger(nowMs, retry.bytes);
      batcher.addRetry(retry.event, retry.bytes, nowMs);
      this.#retries.shift();
    }
    const intake = this.#intake;
    for (let event = intake.peek(); event !== undefined; event = intake.peek()) {
      const bytes = intake.peekedBytes;
      if (!batcher.fits(bytes)) return batcher.trigger(nowMs, bytes);
      batcher.add(event, bytes, nowMs);
      intake.shift();
    }
    const mayFlush = this.#phase === "draining" && batcher.events > 0 && !intake.isReading && !intake.isPaused;
    return batcher.trigger(nowMs) ?? (mayFlush ? "drain" : undefined);
  }

  /** One timer, for whatever is due next. Without room for a batch there is none: a receipt comes first. */
  #setTimer(nowMs: number): void {
    const dueMs = this.#nextDueMs(nowMs);
    if (this.#timer?.dueMs === dueMs) return;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const timer = this.#clock.after(Math.max(0, dueMs - nowMs), () => {
      this.#timer = undefined;
      this.#pump();
    });
    this.#timer = { dueMs, timer };
  }

  #nextDueMs(nowMs: number): number {
    if (!this.#dispatcher.hasRoom) return Number.POSITIVE_INFINITY;
    if (this.#circuit.nextMs > nowMs) return this.#circuit.nextMs;
    return Math.min(this.#batcher.dueMs, this.#retries.nextDueMs, this.#bisection.nextDueMs);
  }

  #onReceipt(dispatch: Dispatch, receipt: Receipt): void {
    const nowMs = this.#clock.monotonicMs();
    this.#metrics.wrote((nowMs - dispatch.sentMs) / 1_000);
    switch (receipt.kind) {
      case "delivered":
        for (const event of dispatch.events) this.#delivered(event);
        this.#metrics.delivered(dispatch.events.length);
        this.#onSuccess();
        break;
      case "partial":
        this.#onPartial(dispatch, receipt.fates, nowMs);
        break;
      case "retryable":
        this.#onRetryable(dispatch, receipt.reason, receipt.retryAfterMs, nowMs);
        break;
      case "refused":
        this.#lastError = receipt.reason;
        this.#onRefused(dispatch, receipt.reason, nowMs);
        this.#onSuccess();
        break;
    }
    this.#pump();
  }

  #delivered(event: CollectedEvent): void {
    this.#settlement.settle(event, STANDING.delivered);
    if (this.#attempts.size > 0) this.#attempts.forget(event.position);
  }

  #onPartial(dispatch: Dispatch, fates: readonly Fate[], nowMs: number): void {
    const jitter = this.#random();
    let delivered = 0;
    let retryable = 0;
    for (const [index, event] of dispatch.events.entries()) {
      const fate = fates[index];
      assert(fate !== undefined, "the dispatcher lets no incomplete receipt through");
      switch (fate.kind) {
        case "delivered":
          this.#delivered(event);
          delivered++;
          break;
        case "retryable": {
          retryable++;
          this.#lastError = fate.reason;
          const delayMs = this.#delayAfterFailure(event, fate.reason, dispatch, nowMs, jitter);
          if (delayMs !== undefined) this.#retryLater(event, nowMs + delayMs);
          break;
        }
        case "rejected":
          this.#lastError = fate.reason;
          this.#deadLetters.add(event, "rejected_by_sink", fate.reason);
          break;
      }
    }
    this.#metrics.delivered(delivered);
    if (retryable === dispatch.events.length) this.#onFailure(dispatch, nowMs, undefined);
    else this.#onSuccess();
  }

  /** Each event goes back on its own; the parts of a refused batch stay together, to be judged apart from others. */
  #onRetryable(dispatch: Dispatch, reason: string, retryAfterMs: number | undefined, nowMs: number): void {
    this.#lastError = reason;
    // One jitter for the whole batch: what failed together is due together, and makes a full batch again.
    const jitter = this.#random();
    const part: CollectedEvent[] = [];
    let partDueMs = nowMs;
    for (const event of dispatch.events) {
      const delayMs = this.#delayAfterFailure(event, reason, dispatch, nowMs, jitter, retryAfterMs);
      if (delayMs === undefined) continue;
      if (dispatch.isPart) {
        part.push(event);
        partDueMs = Math.max(partDueMs, nowMs + delayMs);
      } else {
        this.#retryLater(event, nowMs + delayMs);
      }
    }
    if (part.length > 0) this.#bisection.defer(part, partDueMs);
    this.#onFailure(dispatch, nowMs, retryAfterMs);
  }

  /** Counts a failed attempt. Gives the delay before the next, or the event up when it is too old. */
  #delayAfterFailure(
    event: CollectedEvent,
    reason: string,
    dispatch: Dispatch,
    nowMs: number,
    jitter: number,
    retryAfterMs?: number,
  ): number | undefined {
    const delayMs = this.#attempts.failed(event.position, dispatch.sentMs, nowMs, jitter, retryAfterMs);
    if (delayMs === undefined) this.#deadLetters.add(event, "retry_expired", reason);
    else this.#metrics.retried(reason, 1);
    return delayMs;
  }

  #retryLater(event: CollectedEvent, dueMs: number): void {
    this.#retries.push({ event, bytes: this.#sink.eventBytes(event), dueMs });
  }

  #onRefused({ events }: Dispatch, reason: string, nowMs: number): void {
    const [only, ...others] = events;
    if (others.length > 0) this.#bisection.split(events, nowMs);
    else if (only !== undefined) this.#deadLetters.add(only, "rejected_by_sink", reason);
  }

  /** The sink answers: it took or judged an event. */
  #onSuccess(): void {
    this.#onCircuit(this.#circuit.succeeded());
    this.#setFailing(false);
  }

  #onFailure(dispatch: Dispatch, nowMs: number, retryAfterMs: number | undefined): void {
    this.#setFailing(true);
    this.#onCircuit(this.#circuit.failed(nowMs, dispatch.isProbe, retryAfterMs));
  }

  #onCircuit(change: CircuitChange): void {
    if (change === "opened") {
      this.#log.warn({ reason: this.#lastError }, "the sink takes nothing; trying one batch at a time from now on");
    }
    if (change === "closed") {
      this.#log.info({ failedForMs: this.#clock.nowMs() - this.#sinceMs }, "the sink takes events again");
      // The delays were for a dead sink; what waits out the longest of them would hold back the cursor.
      const nowMs = this.#clock.monotonicMs();
      this.#retries.hasten(nowMs);
      this.#bisection.hasten(nowMs);
    }
  }

  #setFailing(isFailing: boolean): void {
    if (this.#isFailing === isFailing) return;
    this.#isFailing = isFailing;
    this.#sinceMs = this.#clock.nowMs();
  }
}
