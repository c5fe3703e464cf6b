import { type BackoffLimits, backoffMs } from "./backoff.ts";

/** Whole batches that fail one after the other before a sink is taken for dead. */
const FAILURES_TO_OPEN = 5;

export type CircuitState = "closed" | "open" | "probing";

/** `opened` and `closed`: this result changed how much is sent. */
export type CircuitChange = "opened" | "closed" | undefined;

/**
 * Stops hammering a sink that takes nothing.
 *
 *     closed ──5 whole batches fail in a row──▶ open ──the delay is over, a batch is sent──▶ probing
 *        ▲                                       ▲                                             │
 *        │                                       └────────it fails: a longer delay─────────────┤
 *        └───────────────────────────any batch succeeds at least in part───────────────────────┘
 *
 * - closed: batches go out. When the sink asked for a pause they wait for its end.
 * - open: nothing goes out until `nextMs`. Results of batches sent before still count: a
 *   success closes, a failure changes nothing.
 * - probing: one batch is on its way, and nothing else goes out until it is back.
 *
 * The delays are those of the sink's retries. It reads no clock: the time is an argument.
 */
export class Circuit {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #state: CircuitState = "closed";
  #failures = 0;
  #probes = 0;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** Whole batches that failed since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** When the next batch may go; infinite while a probe is on its way. */
  get nextMs(): number {
    return this.#state === "probing" ? Number.POSITIVE_INFINITY : this.#nextMs;
  }

  /** Takes note that a batch goes out. Returns whether it is the probe. */
  sent(): boolean {
    if (this.#state !== "open") return false;
    this.#state = "probing";
    this.#probes++;
    return true;
  }

  /** The sink took, or judged, at least one event of a batch. */
  succeeded(): CircuitChange {
    const wasClosed = this.#state === "closed";
    this.#state = "closed";
    this.#failures = 0;
    this.#probes = 0;
    if (wasClosed) return undefined;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    return "closed";
  }

  /** The sink took nothing of a batch. `probe` is what `sent` returned for it. */
  failed(nowMs: number, probe: boolean, retryAfterMs = 0): CircuitChange {
    this.#failures++;
    if (this.#state === "closed") {
      if (retryAfterMs > 0) this.#nextMs = Math.max(this.#nextMs, nowMs + backoffMs(this.#limits, 0, 0, retryAfterMs));
      if (this.#failures < FAILURES_TO_OPEN) return undefined;
      this.#open(nowMs, retryAfterMs);
      return "opened";
    }
    if (probe && this.#state === "probing") this.#open(nowMs, retryAfterMs);
    return undefined;
  }

  /** Ends the wait for the next batch. */
  hasten(): void {
    this.#nextMs = Number.NEGATIVE_INFINITY;
  }

  #open(nowMs: number, retryAfterMs: number): void {
    this.#state = "open";
    this.#nextMs = nowMs + backoffMs(this.#limits, this.#probes, this.#random(), retryAfterMs);
  }
}
