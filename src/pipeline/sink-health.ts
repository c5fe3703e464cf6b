import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Circuit, CircuitChange } from "./circuit.ts";

/** How a sink is doing, as its pipeline sees it. */
export interface SinkHealth {
  /** `failing`: the last batch failed whole; `open`: so did those before, and only probes are sent. */
  readonly state: "ok" | "failing" | "open";
  /** Since when it is ok, or is not, in Unix milliseconds; follows the wall clock when that is set. */
  readonly sinceMs: number;
  /** Why the last failed write failed; kept after the sink has recovered. */
  readonly lastError: string | undefined;
  /** Writes on their way. */
  readonly inFlight: number;
  /** Events in the journal that this sink has not settled. */
  readonly lagEvents: number;
  /** Bytes of the journal from this sink's cursor to the end, as `Journal.bytesFrom` counts them. */
  readonly lagBytes: number;
  /** Age of the oldest event that is not settled, read or not, in milliseconds; 0 when there is none. */
  readonly lagMs: number;
}

/** Follows the results of whole batches: drives the circuit and remembers since when the sink is ok, or is not. */
export class SinkCondition {
  readonly #circuit: Circuit;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isFailing = false;
  /** By the monotonic clock. */
  #changedMs: number;
  /** Why the last failed write failed. */
  lastError: string | undefined;
  /** The last write that failed whole failed event by event: the sink answers, and may take others. */
  isChoosy = false;

  constructor(circuit: Circuit, clock: Clock, log: Logger) {
    this.#circuit = circuit;
    this.#clock = clock;
    this.#log = log;
    this.#changedMs = clock.monotonicMs();
  }

  get state(): SinkHealth["state"] {
    if (!this.#isFailing) return "ok";
    return this.#circuit.state === "closed" ? "failing" : "open";
  }

  get sinceMs(): number {
    return Math.round(this.#clock.nowMs() - this.#forMs);
  }

  get #forMs(): number {
    return this.#clock.monotonicMs() - this.#changedMs;
  }

  /** Nothing is sent but probes, so that the circuit decides what is sent when. */
  get isHeldBack(): boolean {
    return this.#circuit.state !== "closed";
  }

  /** The sink took or judged at least one event of a batch. */
  succeeded(): CircuitChange {
    const change = this.#circuit.succeeded();
    if (change === "closed") this.#log.info({ failedForMs: Math.round(this.#forMs) }, "the sink takes events again");
    this.#setFailing(false);
    return change;
  }

  /** The sink took nothing of a batch, though it may have looked at each event. */
  failed(nowMs: number, isProbe: boolean, retryAfterMs: number | undefined): CircuitChange {
    this.#setFailing(true);
    const change = this.#circuit.failed(nowMs, isProbe, retryAfterMs);
    if (change === "opened")
      this.#log.warn({ reason: this.lastError }, "the sink takes nothing; trying one batch at a time from now on");
    return change;
  }

  #setFailing(isFailing: boolean): void {
    if (this.#isFailing === isFailing) return;
    this.#isFailing = isFailing;
    this.#changedMs = this.#clock.monotonicMs();
  }
}
