import assert from "node:assert/strict";
import type { CollectedEvent } from "../core/event.ts";
import type { BatchLimits } from "../core/sink.ts";

/**
 * Why a batch was closed: it holds `maxEvents`; the next event would exceed `maxBytes`;
 * an event in it has waited long enough; no more may be read before something is settled;
 * or the pipeline drains.
 */
export type BatchTrigger = "count" | "bytes" | "age" | "window" | "drain";

/**
 * Groups events into batches within a sink's limits. It reads no clock and holds
 * no timer: the pipeline passes the time in, so a test decides what time it is.
 *
 * Invariant: the open batch never exceeds `maxEvents` or `maxBytes`.
 */
export class Batcher {
  readonly #limits: BatchLimits;
  #events: CollectedEvent[] = [];
  #bytes = 0;
  #retries = 0;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get events(): number {
    return this.#events.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many of the events are retries. */
  get retries(): number {
    return this.#retries;
  }

  /** When the open batch has to go, however full; infinite when it is empty. */
  get dueMs(): number {
    return this.#dueMs;
  }

  fits(bytes: number): boolean {
    return this.#events.length < this.#limits.maxEvents && this.#bytes + bytes <= this.#limits.maxBytes;
  }

  /** Adds an event that waits for at most `maxAgeMs` from now. */
  add(event: CollectedEvent, bytes: number, nowMs: number): void {
    this.#add(event, bytes, nowMs + this.#limits.maxAgeMs);
  }

  /** Adds an event that has waited already: the batch is due at once. */
  addRetry(event: CollectedEvent, bytes: number, nowMs: number): void {
    this.#add(event, bytes, nowMs);
    this.#retries++;
  }

  #add(event: CollectedEvent, bytes: number, dueMs: number): void {
    assert(this.fits(bytes), "take the open batch before adding an event that does not fit");
    this.#events.push(event);
    this.#bytes += bytes;
    if (dueMs < this.#dueMs) this.#dueMs = dueMs;
  }

  /**
   * Why the open batch should be taken now; `undefined` while it may wait for more events.
   *
   * @param nextBytes size of the event that would be added next, when there is one
   */
  trigger(nowMs: number, nextBytes = 0): BatchTrigger | undefined {
    if (this.#events.length >= this.#limits.maxEvents) return "count";
    if (this.#bytes >= this.#limits.maxBytes || !this.fits(nextBytes)) return "bytes";
    return nowMs >= this.#dueMs ? "age" : undefined;
  }

  /** The events of the open batch, which is empty after. */
  take(): CollectedEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    this.#retries = 0;
    this.#dueMs = Number.POSITIVE_INFINITY;
    return events;
  }
}
