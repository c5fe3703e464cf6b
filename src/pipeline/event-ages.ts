import type { Clock } from "../core/clock.ts";
import type { Position } from "../core/event.ts";

/** Positions that were written within one span of time, by the monotonic clock. They end where the next span begins. */
interface Span {
  readonly from: Position;
  readonly firstMs: number;
  lastMs: number;
}

/** At this many, neighbours become one until no more than so many are left. */
const MAX_SPANS = 128;
const SPANS_LEFT = 96;

const SHORTEST_SPAN_MS = 100;

/**
 * How long ago events were received, whatever happens to the wall clock meanwhile.
 *
 * An event tells the time of its receipt by the wall clock, which may be set while the event
 * waits. So its age is kept within what the monotonic clock knows: which positions were
 * written when, in at most 128 spans of time. After a jump an age is off by a span: 0.1 s, or
 * a twentieth of how far the oldest event lies back if that is more. For events of before
 * the start there is only the wall clock: it is compared once, and they age steadily from then on.
 */
export class EventAges {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #wallAtStartMs: number;
  #spans: Span[] = [];
  #spanMs = SHORTEST_SPAN_MS;
  #end: Position;

  /** @param end positions below it were written before the start */
  constructor(clock: Clock, end: Position) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.#wallAtStartMs = clock.nowMs();
    this.#end = end;
  }

  /** What lies below `end` and was not there at the last call has been written just now. */
  written(end: Position, nowMs: number): void {
    if (end <= this.#end) return;
    const newest = this.#spans.at(-1);
    if (newest !== undefined && nowMs - newest.firstMs < this.#spanMs) newest.lastMs = nowMs;
    else this.#begin({ from: this.#end, firstMs: nowMs, lastMs: nowMs });
    this.#end = end;
  }

  #begin(span: Span): void {
    this.#spans.push(span);
    if (this.#spans.length < MAX_SPANS) return;
    while (this.#spans.length > SPANS_LEFT) {
      this.#spanMs *= 2;
      this.#spans = joinWithin(this.#spans, this.#spanMs);
    }
  }

  /** Nobody will ask for positions below this one. */
  forgetBelow(position: Position): void {
    for (let next = this.#spans[1]; next !== undefined && next.from <= position; next = this.#spans[1])
      this.#spans.shift();
    if (this.#spans.length === 1) this.#spanMs = SHORTEST_SPAN_MS;
  }

  /** @param receivedMs as the event has it; `undefined` while the event is not read, which makes the answer less exact */
  ageMs(position: Position, receivedMs: number | undefined): number {
    const nowMs = this.#clock.monotonicMs();
    const span = this.#spans.findLast(({ from }) => from <= position);
    if (span === undefined) {
      const ageAtStartMs = Math.max(0, this.#wallAtStartMs - (receivedMs ?? this.#wallAtStartMs));
      return ageAtStartMs + nowMs - this.#startMs;
    }
    const ageMs = receivedMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.nowMs() - receivedMs;
    return Math.min(Math.max(ageMs, nowMs - span.lastMs), nowMs - span.firstMs);
  }
}

/** Joins neighbours as long as what comes out is not longer than `spanMs`. */
function joinWithin(spans: readonly Span[], spanMs: number): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const before = joined.at(-1);
    if (before !== undefined && span.lastMs - before.firstMs <= spanMs) before.lastMs = span.lastMs;
    else joined.push(span);
  }
  return joined;
}
