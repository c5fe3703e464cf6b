import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Position } from "../core/event.ts";
import { type Disk, type DiskWriter, writeFullySync } from "./disk.ts";
import { SEGMENT_HEADER_BYTES, segmentHeader } from "./segment-header.ts";
import type { Segment, SegmentList } from "./segment-list.ts";

/** A segment of this process and its open file. */
export interface OpenSegment {
  readonly segment: Segment;
  readonly file: DiskWriter;
}

/** A group that could not be written, and some of whose events the next start may find all the same. */
export class LeftBehind extends Error {
  constructor(options: ErrorOptions) {
    super("what a failed write left in the journal could not be cut off", options);
  }
}

/**
 * Appends groups to the newest segment, and begins a new one when that is full.
 *
 * A process writes only to segments it created, so what an earlier one left is never
 * written over. A group lies whole in one segment.
 *
 * Invariant: after a failed write no byte of the group lies within `Segment.bytes`.
 */
export class SegmentWriter {
  readonly #disk: Disk;
  readonly #segments: SegmentList;
  readonly #segmentBytes: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Takes over segments that are finished, to sync and close them. */
  readonly #retire: (finished: OpenSegment) => void;
  /** Told that a write failed and was cut off: before another one that has to be synced. */
  /** Told that a write failed, and of the segment when what it left could not be cut off. */
  readonly #onTakenBack: (left: OpenSegment | undefined) => void;
  #open: OpenSegment | undefined;

  constructor(options: {
    disk: Disk;
    segments: SegmentList;
    segmentBytes: number;
    clock: Clock;
    log: Logger;
    retire: (finished: OpenSegment) => void;
    onTakenBack: (left: OpenSegment | undefined) => void;
  }) {
    this.#disk = options.disk;
    this.#segments = options.segments;
    this.#segmentBytes = options.segmentBytes;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#retire = options.retire;
    this.#onTakenBack = options.onTakenBack;
  }

  get open(): OpenSegment | undefined {
    return this.#open;
  }

  /**
   * Writes a group that holds the positions from `first` up to `end`. Throws the disk's error, and
   * then none is written; or `LeftBehind`.
   */
  write(pieces: readonly Buffer[], first: Position, end: Position): void {
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    const open = this.#segmentFor(bytes, first);
    let offset = open.segment.bytes;
    try {
      for (const piece of pieces) {
        writeFullySync(open.file, piece, offset);
        offset += piece.length;
      }
    } catch (error) {
      if (!this.#takeBack(open, first)) throw new LeftBehind({ cause: error });
      throw error;
    }
    this.#segments.grow(open.segment, first, end, bytes);
  }

  /** Ends the open segment; the next group begins a new one. */
  finish(): void {
    if (this.#open === undefined) return;
    this.#open.segment.closedMs = this.#clock.monotonicMs();
    this.#retire(this.#open);
    this.#open = undefined;
  }

  /** Ends the open segment if it holds an event. */
  finishWritten(): void {
    if (this.#open !== undefined && this.#open.segment.bytes > SEGMENT_HEADER_BYTES) this.finish();
  }

  /** Ends the open segment if it is full, so that it can be deleted before there is more to write. */
  finishFull(): void {
    if (this.#open !== undefined && this.#open.segment.bytes >= this.#segmentBytes) this.finish();
  }

  #segmentFor(bytes: number, first: Position): OpenSegment {
    if (this.#open !== undefined) {
      const used = this.#open.segment.bytes;
      if (used === SEGMENT_HEADER_BYTES || used + bytes <= this.#segmentBytes) return this.#open;
      this.finish();
    }
    return this.#create(first);
  }

  #create(first: Position): OpenSegment {
    const file = this.#disk.createSync(this.#segments.pathOf(first));
    try {
      writeFullySync(file, segmentHeader(first), 0);
    } catch (error) {
      // The file stays: it is emptied when the segment is created again, and recovery knows it as empty.
      void file.close().catch(() => {});
      throw error;
    }
    this.#open = { segment: this.#segments.add(first, SEGMENT_HEADER_BYTES), file };
    return this.#open;
  }

  /**
   * Cuts off what a failed write left behind. The segment stays open, so that a disk which
   * refuses one write after the other is not given a file for each. Where it cannot be cut
   * off, the segment is written again without it; until then the name of the next one, which
   * is empty so far, says that the positions from `first` on are not to be looked for in it.
   * False when the disk does not even give that name.
   */
  #takeBack(open: OpenSegment, first: Position): boolean {
    try {
      open.file.truncateSync(open.segment.bytes);
      this.#onTakenBack(undefined);
      return true;
    } catch (error) {
      this.#log.warn(
        { err: error },
        "a failed write could not be cut off the journal, which writes that segment again",
      );
    }
    open.segment.closedMs = this.#clock.monotonicMs();
    this.#open = undefined;
    this.#onTakenBack(open);
    try {
      void this.#disk.createSync(this.#segments.pathOf(first)).close();
      return true;
    } catch {
      return false;
    }
  }
}
