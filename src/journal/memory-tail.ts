import assert from "node:assert/strict";
import type { CollectedEvent, Position } from "../core/event.ts";

/**
 * What an event costs in memory besides its bytes: the object, the view of its buffer,
 * its id and type, its place in the list. Measured with `process.memoryUsage()`, rounded up.
 */
export const EVENT_OVERHEAD_BYTES = 200;

/** Stands where a forgotten event was, so that its memory is free before the list is shortened. */
const FORGOTTEN: CollectedEvent = { position: -1, id: "", type: "", source: "", receivedMs: 0, bytes: Buffer.alloc(0) };

/** The list is shortened only once this many entries at its start are free, so that the cost per event stays constant. */
const COMPACT_AFTER = 4096;

/**
 * The newest events of a journal, in memory, without gaps.
 *
 * Invariant: it holds exactly the events from `first` up to `end`.
 */
export class MemoryTail {
  #events: CollectedEvent[] = [];
  /** Entries at the start of the list that are gone already. */
  #free = 0;
  #first: Position;
  #bytes = 0;

  constructor(first: Position) {
    this.#first = first;
  }

  get first(): Position {
    return this.#first;
  }

  get end(): Position {
    return this.#first + this.#events.length - this.#free;
  }

  /** Bytes of the events and what they cost besides. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `bytes`, of the events from `position` on. Counts on the shorter side of it. */
  bytesFrom(position: Position): number {
    const middle = Math.min(Math.max(position - this.#first, 0) + this.#free, this.#events.length);
    if (middle - this.#free < this.#events.length - middle)
      return this.#bytes - bytesOf(this.#events, this.#free, middle);
    return bytesOf(this.#events, middle, this.#events.length);
  }

  push(events: readonly CollectedEvent[]): void {
    assert.equal(events[0]?.position, this.end, "the tail has no gaps");
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += event.bytes.length + EVENT_OVERHEAD_BYTES;
    }
  }

  /** Forgets the oldest events until at most `bytes` are held. */
  shrinkTo(bytes: number): void {
    while (this.#bytes > bytes) this.#forgetOldest();
    this.#compact();
  }

  /** Forgets the events below `position`. */
  forgetBelow(position: Position): void {
    while (this.#first < position && this.#first < this.end) this.#forgetOldest();
    this.#compact();
  }

  /** The events from `position` on, as many as fit in both limits, but at least one if there is any. */
  slice(position: Position, maxEvents: number, maxBytes: number): readonly CollectedEvent[] {
    assert(position >= this.#first, "the tail no longer holds this position");
    const start = this.#free + position - this.#first;
    const limit = Math.min(this.#events.length, start + maxEvents);
    let end = start;
    let bytes = 0;
    while (end < limit) {
      bytes += this.#events[end]?.bytes.length ?? 0;
      if (bytes > maxBytes && end > start) break;
      end++;
    }
    return this.#events.slice(start, end);
  }

  #forgetOldest(): void {
    const event = this.#events[this.#free];
    assert(event !== undefined, "there is an oldest event");
    this.#bytes -= event.bytes.length + EVENT_OVERHEAD_BYTES;
    this.#events[this.#free] = FORGOTTEN;
    this.#free++;
    this.#first++;
  }

  #compact(): void {
    if (this.#free < COMPACT_AFTER || this.#free * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#free);
    this.#free = 0;
  }
}

function bytesOf(events: readonly CollectedEvent[], from: number, end: number): number {
  let bytes = 0;
  for (let at = from; at < end; at++) bytes += (events[at]?.bytes.length ?? 0) + EVENT_OVERHEAD_BYTES;
  return bytes;
}
