import assert from "node:assert/strict";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Position } from "../core/event.ts";
import { type Disk, errorCode } from "./disk.ts";
import { SEGMENT_HEADER_BYTES, segmentName } from "./segment-header.ts";

/** Distance of the entries in a segment's index: how far a reader that falls off the tail scans for its place. */
const INDEX_STEP_BYTES = 1024 * 1024;

/** One file of the journal. Holds the positions from `first` up to the next segment's first. */
export interface Segment {
  readonly first: Position;
  /** One past the newest position written to it. */
  end: Position;
  readonly path: string;
  /** The good part of the file. Nothing behind it was ever shown to a reader. */
  bytes: number;
  /** When writing to it ended, by the monotonic clock, below 0 for an earlier process; `undefined` while it goes on. */
  closedMs: number | undefined;
  /** Where some positions begin, in order. Empty for a segment of an earlier process. */
  readonly index: { readonly position: Position; readonly offset: number }[];
}

/**
 * The segments of a slot, oldest first, and which of them may go.
 *
 * Invariant: `heldBytes` is the sum over the segments that are still on disk.
 */
export class SegmentList {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #retainMs: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #segments: Segment[];
  /** How many segments, from the oldest on, nobody needs any more. */
  #released = 0;
  #releasedBytes = 0;
  #deleted = 0;
  #heldBytes = 0;
  /** Bytes to get back before `retainMs` is over, since the budget is used up. */
  #reclaimBytes = 0;
  #deleting: Promise<void> | undefined;

  constructor(
    segments: Segment[],
    options: { disk: Disk; directory: string; retainMs: number; clock: Clock; log: Logger },
  ) {
    this.#segments = segments;
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#retainMs = options.retainMs;
    this.#clock = options.clock;
    this.#log = options.log;
    for (const segment of segments) this.#heldBytes += segment.bytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes that are held only because of `retainMs`, and make room when the budget is used up. */
  get releasedBytes(): number {
    return this.#releasedBytes;
  }

  /** How many segments were deleted so far. */
  get deleted(): number {
    return this.#deleted;
  }

  /** The first position of the oldest segment that holds an event. */
  get first(): Position | undefined {
    return this.#segments.find((segment) => segment.bytes > SEGMENT_HEADER_BYTES)?.first;
  }

  pathOf(first: Position): string {
    return join(this.#directory, segmentName(first));
  }

  /** Adds a segment that has just been created. It takes the place of one that was created there and never written. */
  add(first: Position, bytes: number): Segment {
    const segment: Segment = { first, end: first, path: this.pathOf(first), bytes, closedMs: undefined, index: [] };
    const newest = this.#segments.at(-1);
    assert(newest === undefined || newest.first <= first, "segments are created in order");
    if (newest?.first === first) {
      assert(newest.bytes <= SEGMENT_HEADER_BYTES, "a segment with events is never replaced");
      this.#heldBytes -= newest.bytes;
      this.#segments.pop();
    }
    this.#segments.push(segment);
    this.#heldBytes += bytes;
    return segment;
  }

  /** Counts a group of `bytes` that was written to the segment and holds the positions up to `end`. */
  grow(segment: Segment, position: Position, end: Position, bytes: number): void {
    const last = segment.index.at(-1)?.offset ?? 0;
    if (segment.bytes - last >= INDEX_STEP_BYTES) segment.index.push({ position, offset: segment.bytes });
    segment.end = end;
    segment.bytes += bytes;
    this.#heldBytes += bytes;
  }

  /** The segment that holds the position, else the first one after it. */
  find(position: Position): Segment | undefined {
    const after = this.#countUpTo(position);
    const segment = this.#segments[after - 1];
    return segment !== undefined && this.endOf(segment) > position ? segment : this.#segments[after];
  }

  /** One past the positions that a segment may hold; infinite while it is written to. */
  endOf(segment: Segment): Position {
    const next = this.#segments[this.#countUpTo(segment.first)];
    return next?.first ?? (segment.closedMs === undefined ? Number.POSITIVE_INFINITY : segment.end);
  }

  /** How many segments begin at or before a position. Readers ask for each event, so the search is binary. */
  #countUpTo(position: Position): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle]?.first ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Bytes of frames from a position to the end. Exact where a segment begins or ends. In between
   * it takes the events to be of one size, from one entry of the index to the next, and so is off
   * by less than their distance; by less than a segment in one of an earlier process, which has no index.
   */
  bytesFrom(position: Position): number {
    const after = this.#countUpTo(position);
    let bytes = bytesWithin(this.#segments[after - 1], position);
    for (let at = after; at < this.#segments.length; at++) bytes += bytesWithin(this.#segments[at], position);
    return bytes;
  }

  /** Where to begin to look for a position in the segment that holds it. */
  offsetOf(segment: Segment, position: Position): number {
    return segment.index.findLast((entry) => entry.position <= position)?.offset ?? SEGMENT_HEADER_BYTES;
  }

  /** Whether some sink has still to read the segment. */
  needs(segment: Segment): boolean {
    return this.#segments.indexOf(segment) >= this.#released;
  }

  /** Whether its file has not been deleted. */
  has(segment: Segment): boolean {
    return this.#segments.includes(segment);
  }

  /** Lets go of the segments that hold only positions below `position`. The one being written stays. */
  release(position: Position): void {
    for (;;) {
      const segment = this.#segments[this.#released];
      // An empty one stays: the next segment may be created under its name while it is being deleted.
      if (segment?.closedMs === undefined || segment.first >= position || segment.end > position) break;
      this.#released++;
      this.#releasedBytes += segment.bytes;
    }
    this.#deleteDue();
  }

  /** Deletes released segments before their time, so that at least `bytes` come back if there are that many. */
  reclaim(bytes: number): void {
    this.#reclaimBytes = Math.max(this.#reclaimBytes, bytes);
    this.#deleteDue();
  }

  /** Resolves when no file is being deleted. */
  async settled(): Promise<void> {
    await this.#deleting;
  }

  #deleteDue(): void {
    this.#deleting ??= this.#deleteAll().finally(() => {
      this.#deleting = undefined;
    });
  }

  /** Oldest first and one by one, so that a crash leaves no gap. */
  async #deleteAll(): Promise<void> {
    for (;;) {
      const segment = this.#released > 0 ? this.#segments[0] : undefined;
      const closedMs = segment?.closedMs;
      if (segment === undefined || closedMs === undefined) break;
      if (this.#reclaimBytes <= 0 && closedMs + this.#retainMs > this.#clock.monotonicMs()) break;
      try {
        await this.#disk.unlink(segment.path);
      } catch (error) {
        if (errorCode(error) !== "ENOENT") {
          this.#log.warn({ err: error }, "a journal segment could not be deleted; trying again later");
          break;
        }
      }
      this.#segments.shift();
      this.#deleted++;
      this.#released--;
      this.#releasedBytes -= segment.bytes;
      this.#heldBytes -= segment.bytes;
      this.#reclaimBytes = Math.max(0, this.#reclaimBytes - segment.bytes);
    }
    this.#reclaimBytes = 0;
  }
}

/** Bytes of a segment's frames from a position on. */
function bytesWithin(segment: Segment | undefined, position: Position): number {
  if (segment === undefined || position >= segment.end) return 0;
  const { first, end, bytes, index } = segment;
  if (position <= first) return bytes - SEGMENT_HEADER_BYTES;
  const at = index.findLastIndex((entry) => entry.position <= position);
  const before = index[at] ?? { position: first, offset: SEGMENT_HEADER_BYTES };
  const next = index[at + 1] ?? { position: end, offset: bytes };
  const share = (position - before.position) / (next.position - before.position);
  return bytes - Math.round(before.offset + share * (next.offset - before.offset));
}
