import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { ClaimStore } from "../core/claim-store.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import type { SinkState } from "../core/deliveries.ts";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { EventLog } from "../core/journal.ts";
import type { Sink } from "../core/sink.ts";
import { Attempts } from "./attempts.ts";
import { BatchFiller } from "./batch-filler.ts";
import { Batcher, type BatchTrigger } from "./batcher.ts";
import { Bisection } from "./bisection.ts";
import { Circuit } from "./circuit.ts";
import { ClaimDesk } from "./claim-desk.ts";
import { digestOf } from "./claim-pointer.ts";
import { DeadLetters } from "./dead-letters.ts";
import { type Apart, Dispatcher } from "./dispatcher.ts";
import { EventAges } from "./event-ages.ts";
import { Filter } from "./filter.ts";
import { Intake } from "./intake.ts";
import type { SinkMetrics } from "./metrics.ts";
import type { PipelineOptions } from "./pipeline-options.ts";
import { Receipts } from "./receipts.ts";
import { RetryQueue } from "./retry-queue.ts";
import { Settlement } from "./settlement.ts";
import { SinkCondition, type SinkHealth } from "./sink-health.ts";
import { sinkStateOf, STANDING } from "./standing.ts";
import { type Suspect, Suspects } from "./suspects.ts";

/** Most events a pipeline has read and not settled. */
const MAX_HELD_EVENTS = 262_144;

/** Most bytes of them, when two rounds of full batches do not need more. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** Most of a drain's time that is kept for ending writes, writing dead letters and closing the sink. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Brings the events of the journal to one sink:
 *
 *     journal ─▶ intake ─▶ batcher ─▶ dispatcher ─▶ sink
 *                  │          ▲  ▲        │ receipt
 *                  │          │  └─ retry queue ◀─┤ retryable
 *                  │          ├──── bisection  ◀──┤ refused or thrown over, whole
 *                  │          └──── suspects   ◀──┤ thrown over, alone
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
  readonly #journal: EventLog;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: SinkMetrics;
  readonly #settlement: Settlement;
  readonly #intake: Intake;
  readonly #batcher: Batcher;
  readonly #retries = new RetryQueue();
  readonly #bisection = new Bisection();
  readonly #suspects: Suspects;
  readonly #ages: EventAges;
  readonly #owed: () => number;
  readonly #filler: BatchFiller;
  readonly #circuit: Circuit;
  readonly #condition: SinkCondition;
  readonly #dispatcher: Dispatcher;
  readonly #deadLetters: DeadLetters;
  readonly #claims: ClaimDesk | undefined;

  /** `stopping`: nothing new is sent, but receipts still count. `stopped`: nothing counts any more. */
  #phase: "new" | "running" | "draining" | "stopping" | "stopped" = "new";
  #stopped: Promise<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined;
  #isPumpScheduled = false;
  /** The deadline of a drain: resolved once nothing is to be waited for any more. */
  readonly #deadline = Promise.withResolvers<"late">();

  /** Throws `filter_invalid` when the `when:` of the settings cannot be used. */
  constructor(options: PipelineOptions) {
    const { settings, sink, journal, from, clock, random, log } = options;
    this.settings = settings;
    this.#sink = sink;
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
    const filter = settings.when === undefined ? undefined : new Filter(settings.when);
    this.#metrics = options.metrics.forSink(settings.name, () => this.health());
    this.#ages = new EventAges(clock, journal.end);
    this.#settlement = new Settlement(from, MAX_HELD_EVENTS, (cursor, counts, missing) => {
      options.settle(cursor, counts, missing);
      this.#ages.forgetBelow(cursor);
    });
    this.#batcher = new Batcher(sink.limits);
    this.#circuit = new Circuit(settings.retry, random);
    this.#condition = new SinkCondition(this.#circuit, clock, log);
    this.#suspects = new Suspects(sink, clock, log);
    this.#owed = options.owed;
    const attempts = new Attempts(settings.retry, (position, receivedMs) => this.#ages.ageMs(position, receivedMs));
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
          attempts.forget(event.position);
          this.#metrics.deadLettered(code, 1);
        }
        this.#pump();
      },
    });
    this.#claims = options.claims && this.#openDesk(options.claims, options);
    const receipts = new Receipts({
      settlement: this.#settlement,
      attempts,
      retries: this.#retries,
      bisection: this.#bisection,
      suspects: this.#suspects,
      deadLetters: this.#deadLetters,
      condition: this.#condition,
      metrics: this.#metrics,
      random,
    });
    this.#dispatcher = new Dispatcher({
      sink,
      maxInFlight: settings.maxInFlight,
      timeoutMs: settings.timeoutMs,
      clock,
      log,
      onReceipt: (dispatch, receipt) => {
        if (this.#phase === "stopped") return;
        const nowMs = clock.monotonicMs();
        this.#metrics.wrote((nowMs - dispatch.sentMs) / 1_000);
        receipts.process(dispatch, receipt, nowMs);
        this.#pump();
      },
    });
    this.#intake = new Intake({
      reader: journal.reader(from),
      sink,
      filter,
      settlement: this.#settlement,
      deadLetters: this.#deadLetters,
      claims: this.#claims,
      suspects: this.#suspects,
      caution: options.caution,
      setAside: options.setAside ?? new Set(),
      maxHeldBytes: Math.max(MAX_HELD_BYTES, 2 * settings.maxInFlight * sink.limits.maxBytes),
      clock,
      metrics: this.#metrics,
      log,
      onReady: () => this.#pump(),
    });
    this.#filler = new BatchFiller(this.#batcher, this.#retries, this.#intake);
  }

  #openDesk(store: ClaimStore, { settings, sink, clock, random, log }: PipelineOptions): ClaimDesk {
    return new ClaimDesk({
      store,
      settings,
      sink,
      clock,
      random,
      log,
      metrics: this.#metrics,
      ageMs: ({ position, receivedMs }) => this.#ages.ageMs(position, receivedMs),
      onStored: (event, pointer) => {
        this.#settlement.replaced(event, pointer);
        const bytes = this.#suspects.bytesOf(pointer);
        if (bytes !== undefined) this.#retries.push({ event: pointer, bytes, dueMs: clock.monotonicMs() });
        this.#pump();
      },
      onGivenUp: (event, reason) => {
        this.#deadLetters.add(event, "retry_expired", reason, digestOf(event));
        this.#pump();
      },
    });
  }

  start(): void {
    assert(this.#phase === "new", "a pipeline is started once");
    this.#phase = "running";
    this.#pump();
  }

  /** The journal was written. Cheap, and returns at once: the work is done in a later turn of the event loop. */
  wake(): void {
    if (this.#isPumpScheduled) return;
    if (!this.#dispatcher.hasRoom) {
      this.#ages.written(this.#journal.end, this.#clock.monotonicMs());
      return;
    }
    this.#isPumpScheduled = true;
    // A turn later, so that the appends which woke us are acknowledged first.
    setImmediate(() => {
      this.#isPumpScheduled = false;
      this.#pump();
    });
  }

  /**
   * Sends everything the journal holds, partial batches and waiting retries at once. Towards
   * the end of `deadlineMs` it stops, aborting what is still on its way; at the end it waits
   * for nothing more. Resolves with the number of positions that are not settled; those not
   * read yet may turn out to hold no event.
   */
  async drain(deadlineMs: number): Promise<number> {
    const graceMs = Math.min(CLOSE_GRACE_MS, deadlineMs / 4);
    const end = this.#clock.after(deadlineMs - graceMs, () => this.#endAtOnce());
    const deadline = this.#clock.after(deadlineMs, () => this.#deadline.resolve("late"));
    if (this.#phase === "running") {
      this.#phase = "draining";
      this.#circuit.hasten();
      this.#retries.hasten();
      this.#bisection.hasten();
      this.#suspects.hasten();
      this.#claims?.hasten();
      this.#drained = Promise.withResolvers();
      const { promise } = this.#drained;
      this.#pump();
      await promise;
      this.#dispatcher.abortAll();
    }
    await this.stop();
    end.cancel();
    deadline.cancel();
    return this.#held;
  }

  /** A drain's time is nearly up, which may come while the pipeline is being stopped already. */
  #endAtOnce(): void {
    this.#drained?.resolve();
    this.#dispatcher.abortAll();
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
    const claimsClosed = this.#claims?.stop() ?? Promise.resolve();
    this.#drained?.resolve();
    // Each write has its own timeout.
    await Promise.race([this.#dispatcher.idle(), this.#deadline.promise]);
    await this.#within(this.#deadLetters.stop(), "the dead letters were not written in time; their events stay held");
    this.#phase = "stopped";
    this.#metrics.detach();
    const closed = this.#sink.close().catch((error: unknown) => this.#log.error({ err: error }, "bug in the sink"));
    await this.#within(closed, "the sink did not close in time");
    await this.#within(claimsClosed, "the claim check did not close in time");
  }

  async #within(ending: Promise<void>, otherwise: string): Promise<void> {
    const late = Promise.withResolvers<"late">();
    const timer = this.#clock.after(this.settings.timeoutMs, () => late.resolve("late"));
    const ended = await Promise.race([ending, late.promise, this.#deadline.promise]);
    timer.cancel();
    if (ended === "late") this.#log.warn(otherwise);
  }

  health(): SinkHealth {
    const { cursor, oldestReceivedMs, settledAhead } = this.#settlement;
    const { state, sinceMs, lastError } = this.#condition;
    const lagEvents = this.#owed() - settledAhead;
    return {
      state,
      sinceMs,
      lastError,
      inFlight: this.#dispatcher.inFlight,
      lagEvents,
      lagBytes: this.#journal.bytesFrom(cursor),
      lagMs: lagEvents === 0 ? 0 : Math.round(this.#ages.ageMs(cursor, oldestReceivedMs)),
    };
  }

  /**
   * Waits until `count` events from `from` on are settled. Events that `when` keeps from
   * this sink count as delivered. Once `signal` aborts, the promise never settles.
   */
  async whenSettled(from: Position, count: number, signal: AbortSignal): Promise<"delivered" | "undelivered"> {
    return this.#settlement.whenSettled(from, count, signal);
  }

  /** How many events of each source are ahead of the cursor, once all below `end` are read; until then `undefined`. */
  ahead(end: Position): ReadonlyMap<string, number> | undefined {
    return this.#settlement.end === end ? this.#settlement.ahead() : undefined;
  }

  stateOf(position: Position): SinkState {
    return sinkStateOf(this.#settlement.standingOf(position));
  }

  /** Positions not settled, read or not. */
  get #held(): number {
    // The cursor is beyond the journal's end when that lost its newest events, until there are new ones.
    return this.#settlement.held + Math.max(0, this.#journal.end - this.#settlement.end);
  }

  #pump(): void {
    if (this.#phase === "running" || this.#phase === "draining") {
      const nowMs = this.#clock.monotonicMs();
      this.#ages.written(this.#journal.end, nowMs);
      // What was settled since makes room; nothing else would wake us to use it.
      if (this.#intake.isFull) this.#settlement.publish();
      this.#intake.beginTurn();
      // When nothing may be sent, one event is read all the same: so the age of the oldest is known.
      if (this.#circuit.nextMs > nowMs && this.#settlement.held === 0) this.#intake.peek();
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
    const onTrial = this.#suspects.nextOnTrial(nowMs);
    if (onTrial !== undefined) return this.#sendAlone(onTrial, true, nowMs);
    const part = this.#bisection.next(nowMs);
    if (part !== undefined) {
      return this.#send(part.events, nowMs, 0, { thrownAfter: part.thrownAfter, isTrial: false });
    }
    // Old events go before new ones. Unless they are what the destination does not take: there may be others that it does.
    const freshFirst = this.#circuit.state === "open" && this.#condition.isChoosy;
    const trigger = this.#filler.fill(nowMs, freshFirst) ?? this.#drainTrigger;
    if (trigger !== undefined) {
      const { events, bytes, retries } = this.#batcher;
      this.#metrics.batch(trigger, events, bytes);
      return this.#send(this.#batcher.take(), nowMs, retries, undefined);
    }
    const suspect = this.#suspects.nextWaiting(nowMs);
    return suspect !== undefined && this.#sendAlone(suspect, false, nowMs);
  }

  /** `drain` when the open batch has to go since there is nothing more to read. */
  get #drainTrigger(): BatchTrigger | undefined {
    if (this.#phase !== "draining" || this.#batcher.events === 0) return undefined;
    return this.#intake.isReading || this.#intake.isPaused ? undefined : "drain";
  }

  #sendAlone({ event, thrownAfter }: Suspect, isTrial: boolean, nowMs: number): true {
    return this.#send([event], nowMs, 0, { thrownAfter, isTrial });
  }

  #send(events: readonly CollectedEvent[], nowMs: number, retries: number, apart: Apart | undefined): true {
    this.#intake.noteAttempt(events);
    const write = this.#suspects.sending();
    this.#dispatcher.send({ write, events, sentMs: nowMs, retries, isProbe: this.#circuit.sent(), apart });
    return true;
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
    const { nextDueMs } = this.#suspects;
    return Math.min(this.#batcher.dueMs, this.#retries.nextDueMs, this.#bisection.nextDueMs, nextDueMs);
  }
}
