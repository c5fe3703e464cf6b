import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { Batch, Receipt, Sink } from "../core/sink.ts";
import { ThrottledLog } from "../core/throttled-log.ts";

/** A batch on its way, with what the pipeline wants to know of it when it is back. */
export interface Dispatch {
  /** Counts up from 0 with each write of the pipeline. */
  readonly write: number;
  readonly events: Batch;
  /** When it was sent, by the monotonic clock. */
  readonly sentMs: number;
  /** How many of the events the sink did not take before. 0 for what is sent apart. */
  readonly retries: number;
  /** Sent to see whether a dead sink is back. */
  readonly isProbe: boolean;
  /** Set for what is sent apart from others, since the sink failed over the whole batch it was in. */
  readonly apart: Apart | undefined;
}

export interface Apart {
  /** How many writes had been sent when the sink first threw over the batch; `undefined` when it refused it. */
  readonly thrownAfter: number | undefined;
  /** A single event, which the sink has thrown over before and taken others since. */
  readonly isTrial: boolean;
}

/** The sink has a bug: its write ended in an exception. */
export interface Thrown {
  readonly kind: "thrown";
  readonly error: unknown;
}

interface Flight {
  readonly dispatch: Dispatch;
  readonly abort: AbortController;
  timer: Timer;
  abortReason: string | undefined;
}

/** How long a sink may take to end a write that was aborted, before its slot is given to another. */
const ABORT_GRACE_MS = 2_000;

export interface DispatcherOptions {
  readonly sink: Sink;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onReceipt: (dispatch: Dispatch, receipt: Receipt | Thrown) => void;
}

/**
 * Sends up to `maxInFlight` batches at a time. Each write ends with exactly one receipt,
 * within the timeout and a grace: a write that takes too long is aborted and counts as
 * retryable, and one that throws is told as such, so that a bug in a sink loses nothing and
 * ends nothing.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #flights = new Set<Flight>();
  readonly #bugs: ThrottledLog;
  #lastError: unknown;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#bugs = new ThrottledLog((writes) =>
      options.log.error({ err: this.#lastError, writes }, "bug in the sink: a write must answer, not throw"),
    );
  }

  get inFlight(): number {
    return this.#flights.size;
  }

  get hasRoom(): boolean {
    return this.#flights.size < this.#options.maxInFlight;
  }

  send(dispatch: Dispatch): void {
    assert(this.hasRoom, "a batch is sent when there is room for it");
    const { clock, timeoutMs } = this.#options;
    const flight: Flight = {
      dispatch,
      abort: new AbortController(),
      timer: clock.after(timeoutMs, () => this.#abort(flight, "timeout")),
      abortReason: undefined,
    };
    this.#flights.add(flight);
    void this.#write(flight).then((receipt) => this.#land(flight, receipt));
  }

  /** Ends all writes now. Their receipts still come. */
  abortAll(): void {
    for (const flight of this.#flights) this.#abort(flight, "aborted");
  }

  /** Resolves once nothing is on its way. */
  async idle(): Promise<void> {
    if (this.#flights.size === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  async #write({ dispatch, abort }: Flight): Promise<Receipt | Thrown> {
    const { sink, clock, log } = this.#options;
    try {
      const receipt = await sink.write(dispatch.events, abort.signal);
      if (receipt.kind !== "partial" || receipt.fates.length === dispatch.events.length) return receipt;
      log.error({ events: dispatch.events.length, fates: receipt.fates.length }, "bug in the sink: a fate is missing");
      return { kind: "retryable", reason: "sink_error" };
    } catch (error) {
      this.#lastError = error;
      this.#bugs.add(1, clock.monotonicMs());
      return { kind: "thrown", error };
    }
  }

  #abort(flight: Flight, reason: string): void {
    if (flight.abortReason !== undefined) return;
    flight.abortReason = reason;
    flight.timer.cancel();
    flight.timer = this.#options.clock.after(ABORT_GRACE_MS, () => {
      this.#options.log.error("bug in the sink: a write did not end when it was aborted");
      this.#land(flight, { kind: "retryable", reason });
    });
    flight.abort.abort(new Error(reason));
  }

  #land(flight: Flight, receipt: Receipt | Thrown): void {
    // An answer that comes after the grace is too late: the events may be on their way again.
    if (!this.#flights.delete(flight)) return;
    flight.timer.cancel();
    const { abortReason } = flight;
    this.#options.onReceipt(flight.dispatch, abortReason === undefined ? receipt : ofAborted(receipt, abortReason));
    if (this.#flights.size === 0) this.#idle?.resolve();
  }
}

/** What a sink says of an abort is our own doing; that it delivered after all is not. */
function ofAborted(receipt: Receipt | Thrown, reason: string): Receipt | Thrown {
  if (receipt.kind === "thrown") return { kind: "retryable", reason };
  return receipt.kind === "retryable" ? { ...receipt, reason } : receipt;
}
