import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Circuit, CircuitChange } from "./circuit.ts";

/** How a sink is doing, as its pipeline sees it. */
export interface SinkHealth {
  /** `failing`: the last batch failed whole; `open`: so did those before, and only probes are sent. */
  readonly state: "ok" | "failing" | "open";
  /** Since when it is ok, or is not, in Unix milliseconds. */
  readonly sinceMs: number;
  /** Why the last failed write failed; kept after the sink has recovered. */
  readonly lastError: string | undefined;
  /** Writes on their way. */
  readonly inFlight: number;
  /** Events in the journal that this sink has not settled. */
  readonly lagEvents: number;
  /** Age of the oldest event that was read and not settled, in milliseconds; 0 when there is none. */
  readonly lagMs: number;
}

/** Follows the results of whole batches: drives the circuit and remembers since when the sink is ok, or is not. */
export class SinkCondition {
  readonly #circuit: Circuit;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isFailing = false;
  #sinceMs: number;
  /** Why the last failed write failed. */
  lastError: string | undefined;

  constructor(circuit: Circuit, clock: Clock, log: Logger) {
    this.#circuit = circuit;
    this.#clock = clock;
    this.#log = log;
    this.#sinceMs = clock.nowMs();
  }

  get state(): SinkHealth["state"] {
    if (!this.#isFailing) return "ok";
    return this.#circuit.state === "closed" ? "failing" : "open";
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The sink took or judged at least one event of a batch. */
  succeeded(): CircuitChange {
    const change = this.#circuit.succeeded();
    if (change === "closed") {
      this.#log.info({ failedForMs: this.#clock.nowMs() - this.#sinceMs }, "the sink takes events again");
    }
    this.#setFailing(false);
    return change;
  }

  /** The sink took nothing of a batch. */
  failed(nowMs: number, isProbe: boolean, retryAfterMs: number | undefined): void {
    this.#setFailing(true);
    if (this.#circuit.failed(nowMs, isProbe, retryAfterMs) !== "opened") return;
    this.#log.warn({ reason: this.lastError }, "the sink takes nothing; trying one batch at a time from now on");
  }

  #setFailing(isFailing: boolean): void {
    if (this.#isFailing === isFailing) return;
    this.#isFailing = isFailing;
    this.#sinceMs = this.#clock.nowMs();
  }
}
