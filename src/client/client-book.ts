import type { ClientCounts, ClientEvent, ClientProblem, ClientSettings, EventProblem } from "./client-options.ts";
import type { Fates } from "./delivery.ts";
import { eventOf } from "./event-json.ts";
import type { QueuedEvent } from "./event-queue.ts";
import type { DropReason, LossReport } from "./loss-report.ts";
import type { Failure } from "./read-answer.ts";

/** Keeps the counts of a client, and tells the application what it asked to be told. */
export class ClientBook implements Fates {
  readonly #settings: ClientSettings;
  readonly #losses: LossReport;
  readonly #counts = { tracked: 0, sampledOut: 0, pending: 0, acknowledged: 0, unconfirmed: 0, rejected: 0 };
  readonly #undelivered: ClientEvent[] = [];
  #pendingBytes = 0;

  constructor(settings: ClientSettings, losses: LossReport) {
    this.#settings = settings;
    this.#losses = losses;
  }

  get counts(): ClientCounts {
    return { ...this.#counts, dropped: this.#losses.total };
  }

  /** What was unsent when all was ended. */
  get undelivered(): readonly ClientEvent[] {
    return this.#undelivered;
  }

  hasRoom(bytes: number): boolean {
    return this.#pendingBytes + bytes <= this.#settings.maxQueueBytes;
  }

  queued(bytes: number): void {
    this.#counts.tracked++;
    this.#counts.pending++;
    this.#pendingBytes += bytes;
  }

  sampledOut(): void {
    this.#counts.tracked++;
    this.#counts.sampledOut++;
  }

  /** An event that was not queued. */
  turnedAway(reason: DropReason, message: string): void {
    this.#counts.tracked++;
    this.#drop(reason, 1, message);
  }

  acknowledged(events: readonly QueuedEvent[], isConfirmed: boolean): void {
    this.#settle(events);
    this.#counts.acknowledged += events.length;
    if (!isConfirmed) this.#counts.unconfirmed += events.length;
    const { onAcknowledged } = this.#settings;
    if (onAcknowledged !== undefined) this.#tell(() => onAcknowledged(events.map(({ id }) => id)));
  }

  rejected(event: QueuedEvent, problems: readonly EventProblem[]): void {
    this.#settle([event]);
    this.#counts.rejected++;
    this.#tell(() => this.#settings.onRejected?.({ event: eventOf(event.json), problems }));
  }

  expired(events: readonly QueuedEvent[]): void {
    this.#settle(events);
    this.#drop("expired", events.length, `Events were not taken within ${this.#settings.maxEventAgeMs} ms.`);
  }

  refused(events: readonly QueuedEvent[], failure: Failure, status: number | undefined): void {
    this.#settle(events);
    this.#losses.add("refused", events.length);
    this.#report(problemOf(failure, status, events.length, false));
  }

  unsent(events: readonly QueuedEvent[]): void {
    this.#settle(events);
    for (const event of events) this.#undelivered.push(eventOf(event.json));
    this.#drop("unsent", events.length, "Events were not taken until the deadline of close.");
  }

  willRetry(events: readonly QueuedEvent[], failure: Failure, status: number | undefined): void {
    this.#report(problemOf(failure, status, events.length, true));
  }

  #settle(events: readonly QueuedEvent[]): void {
    this.#counts.pending -= events.length;
    for (const event of events) this.#pendingBytes -= event.bytes;
  }

  /** The application is told once for each reason until the collector is told: a full queue drops many. */
  #drop(code: DropReason, events: number, message: string): void {
    if (this.#losses.add(code, events)) this.#report({ code, message, events, willRetry: false });
  }

  /** What a callback throws must not keep events from being sent. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report({ code: "callback_threw", message: String(error), events: 0, willRetry: false });
    }
  }

  #report(problem: ClientProblem): void {
    try {
      this.#settings.onError?.(problem);
    } catch {
      // There is nobody left to tell.
    }
  }
}

function problemOf(failure: Failure, status: number | undefined, events: number, willRetry: boolean): ClientProblem {
  const { code, message } = failure;
  return { code, message, events, willRetry, ...(status !== undefined && { status }) };
}
