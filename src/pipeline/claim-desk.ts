import type { Logger } from "pino";
import type { Claim, ClaimStore } from "../core/claim-store.ts";
import type { Clock, Timer } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import type { CollectedEvent } from "../core/event.ts";
import type { Sink } from "../core/sink.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import { backoffMs } from "./backoff.ts";
import { partEvent } from "./claim-pointer.ts";
import type { DeadLetterCode } from "./dead-letters.ts";
import type { SinkMetrics } from "./metrics.ts";
import type { SinkCondition } from "./sink-health.ts";

/** Stored at a time. Each may be as large as an event can be. */
const PUTS_AT_A_TIME = 4;

interface WaitingClaim {
  readonly event: CollectedEvent;
  readonly claim: Claim;
  readonly pointer: CollectedEvent;
  /** Since when it waits, by the monotonic clock. */
  readonly sinceMs: number;
}

export interface ClaimDeskOptions {
  readonly store: ClaimStore;
  readonly sink: Sink;
  /** `timeoutMs` is the longest wait for one claim to be stored, too. */
  readonly settings: Pick<SinkSettings, "retry" | "timeoutMs" | "oversize">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: SinkMetrics;
  /** Where it is shown why storing failed. */
  readonly condition: Pick<SinkCondition, "lastError">;
  readonly log: Logger;
  /** How long ago an event was received. */
  readonly ageMs: (event: CollectedEvent) => number;
  /** The data is stored: the pointer is to be sent in the place of the event. */
  readonly onStored: (event: CollectedEvent, pointer: CollectedEvent) => void;
  readonly onGivenUp: (event: CollectedEvent, code: DeadLetterCode, reason: string) => void;
}

/**
 * Where an event that is too large for the sink leaves its data, and gets a pointer to be sent instead.
 *
 *     intake ──too large──▶ waiting ─▶ being stored ──▶ pointer ─▶ retry queue
 *                              ▲            │
 *                              └─ a pause ◀─┘ fails
 *
 * A store that fails is left alone for a while, longer each time, by all claims together. The
 * event is sent only once its data is stored, so that no pointer ever points at nothing; what
 * waits is held like any event that was read.
 */
export class ClaimDesk {
  readonly #options: ClaimDeskOptions;
  readonly #claimed: ThrottledLog;
  readonly #ended = new AbortController();
  #waiting: WaitingClaim[] = [];
  #putting = 0;
  #failures = 0;
  #pause: Timer | undefined;

  constructor(options: ClaimDeskOptions) {
    this.#options = options;
    this.#claimed = new ThrottledLog((events) =>
      options.log.info({ events }, "events too large for this sink went by claim check"),
    );
  }

  /** Takes an event over; returns why not when it cannot be sent as a pointer either. */
  take(event: CollectedEvent): string | undefined {
    const { store, sink, clock } = this.#options;
    const parted = partEvent(event);
    if (parted === undefined)
      return "it has no data to leave at the claim check, or data_base64 that is no base64, or an attribute that a pointer needs";
    const pointer = parted.pointerTo(store.addressOf(parted.claim));
    if (!fits(sink, pointer)) return "and so would be a pointer to its data";
    this.#waiting.push({ event, claim: parted.claim, pointer, sinceMs: clock.monotonicMs() });
    this.#putNext();
    return undefined;
  }

  /** Ends the pause. */
  hasten(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#putNext();
  }

  /** Gives up what is being stored: what is not settled is read again by the next pipeline. */
  async stop(): Promise<void> {
    this.#pause?.cancel();
    this.#ended.abort();
    await this.#options.store.close();
  }

  #putNext(): void {
    while (this.#pause === undefined && this.#putting < this.#most && !this.#ended.signal.aborted) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#putting++;
      void this.#put(next);
    }
  }

  /** One at a time shows whether a store that failed is back. */
  get #most(): number {
    return this.#failures > 0 ? 1 : PUTS_AT_A_TIME;
  }

  async #put(waiting: WaitingClaim): Promise<void> {
    const error = await this.#attempt(waiting.claim);
    this.#putting--;
    if (this.#ended.signal.aborted) return;
    if (error === undefined) this.#stored(waiting);
    else this.#failed(waiting, error);
    this.#putNext();
  }

  /** Why it failed. A store that does not end when it is told to is not waited for. */
  async #attempt(claim: Claim): Promise<string | undefined> {
    const { store, clock } = this.#options;
    const { timeoutMs } = this.#options.settings;
    const late = new AbortController();
    const timer = clock.after(timeoutMs, () => late.abort(new Error(`not stored within ${timeoutMs} ms`)));
    const signal = AbortSignal.any([late.signal, this.#ended.signal]);
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
    aborted.promise.catch(() => {});
    try {
      await Promise.race([store.put(claim, signal), aborted.promise]);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      timer.cancel();
    }
  }

  #stored({ event, pointer }: WaitingClaim): void {
    const { clock, log, metrics, onStored } = this.#options;
    if (this.#failures > 0) log.info("the claim check stores data again");
    this.#failures = 0;
    metrics.claimed();
    this.#claimed.add(1, clock.monotonicMs());
    onStored(event, pointer);
  }

  #failed(waiting: WaitingClaim, reason: string): void {
    const { clock, condition, log, metrics, random, settings } = this.#options;
    if (this.#failures === 0) log.error({ reason }, "the claim check cannot store data; trying again");
    metrics.claimFailed();
    condition.lastError = `the claim check cannot store data: ${reason}`;
    this.#waiting.push(waiting);
    this.#giveUpLate(reason);
    this.#pause ??= clock.after(backoffMs(settings.retry, this.#failures++, random()), () => {
      this.#pause = undefined;
      this.#putNext();
    });
  }

  /** Of all that wait, since while the store is down few of them are tried. */
  #giveUpLate(reason: string): void {
    const { ageMs, clock, onGivenUp, settings } = this.#options;
    const { maxAgeMs } = settings.retry;
    const maxWaitMs = settings.oversize?.maxWaitMs ?? 0;
    if (maxAgeMs === 0 && maxWaitMs === 0) return;
    const nowMs = clock.monotonicMs();
    const late: (readonly [CollectedEvent, DeadLetterCode])[] = [];
    this.#waiting = this.#waiting.filter(({ event, sinceMs }) => {
      if (maxWaitMs > 0 && nowMs - sinceMs >= maxWaitMs) late.push([event, "event_too_large"]);
      else if (maxAgeMs > 0 && ageMs(event) >= maxAgeMs) late.push([event, "retry_expired"]);
      else return true;
      return false;
    });
    for (const [event, code] of late) onGivenUp(event, code, `its data could not be stored: ${reason}`);
  }
}

/** A sink that throws over a size has a bug, and the event becomes a suspect when it is sent. */
function fits(sink: Sink, event: CollectedEvent): boolean {
  try {
    return sink.eventBytes(event) <= Math.min(sink.limits.maxEventBytes, sink.limits.maxBytes);
  } catch {
    return true;
  }
}
