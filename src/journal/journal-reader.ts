import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { JournalReader } from "../core/journal.ts";
import { type Disk, type DiskReader, errorCode } from "./disk.ts";
import { FrameScanner } from "./frame-scanner.ts";
import type { MemoryTail } from "./memory-tail.ts";
import type { JournalMetrics } from "./metrics.ts";
import type { Segment, SegmentList } from "./segment-list.ts";

/** Wait before a failed read of the disk is tried again. */
const RETRY_MS = 1_000;

const NO_EVENTS: readonly CollectedEvent[] = [];

/** What a reader reads from; shared by the readers of a journal. */
export interface ReadableLog {
  readonly end: () => Position;
  readonly tail: MemoryTail;
  readonly segments: SegmentList;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: JournalMetrics;
  /** First positions of the segments whose damage has been logged. */
  readonly reported: Set<Position>;
}

interface OpenScan {
  readonly segment: Segment;
  readonly file: DiskReader;
  readonly scanner: FrameScanner;
}

/**
 * One reader of a journal on disk.
 *
 * Near the end it takes slices of the tail in memory. Further behind it reads segments, a
 * chunk at a time, until it is back in the tail. Damage is stepped over and reported; a
 * disk that cannot be read is waited for, since what it holds is not lost.
 */
export class SegmentReader implements JournalReader {
  readonly #log: ReadableLog;
  #position: Position;
  #scan: OpenScan | undefined;
  /** Read from the segment already, and too large for the last result. */
  #ahead: CollectedEvent | undefined;
  #reading = false;
  #closed = false;
  #retry: { readonly timer: Timer; readonly wake: () => void } | undefined;

  constructor(log: ReadableLog, from: Position) {
    this.#log = log;
    this.#position = from;
  }

  get position(): Position {
    return this.#position;
  }

  read(maxEvents: number, maxBytes: number): readonly CollectedEvent[] | Promise<readonly CollectedEvent[]> {
    assert(!this.#reading, "one read at a time");
    if (this.#closed || this.#position >= this.#log.end()) return NO_EVENTS;
    if (this.#position >= this.#log.tail.first) return this.#readTail(maxEvents, maxBytes);
    return this.#readSegments(maxEvents, maxBytes);
  }

  #readTail(maxEvents: number, maxBytes: number): readonly CollectedEvent[] {
    if (this.#scan !== undefined) this.#endScan();
    const events = this.#log.tail.slice(this.#position, maxEvents, maxBytes);
    this.#position += events.length;
    return events;
  }

  async #readSegments(maxEvents: number, maxBytes: number): Promise<readonly CollectedEvent[]> {
    this.#reading = true;
    try {
      while (!this.#closed) {
        if (this.#position >= this.#log.end()) return NO_EVENTS;
        if (this.#position >= this.#log.tail.first) return this.#readTail(maxEvents, maxBytes);
        const scan = await this.#scanAt(this.#position);
        if (scan === undefined) continue;
        const events = await this.#collect(scan, maxEvents, maxBytes);
        if (events.length > 0) return events;
        this.#leave(scan);
      }
      return NO_EVENTS;
    } finally {
      this.#reading = false;
      if (this.#closed) this.#endScan();
    }
  }

  /** Opens the segment that holds the position; `undefined` when there is none, and the position was moved on. */
  async #scanAt(position: Position): Promise<OpenScan | undefined> {
    const { segments, tail, disk } = this.#log;
    const segment = segments.find(position);
    if (segment === undefined || segment.first >= tail.first) {
      this.#skipTo(tail.first);
      return undefined;
    }
    if (this.#scan?.segment === segment) return this.#scan;
    this.#endScan();
    this.#skipTo(segment.first);
    const file = await this.#patiently(() => disk.open(segment.path));
    if (file === undefined) {
      // Deleted meanwhile: someone else let go of it, or this reader is closed.
      if (!this.#closed) this.#skipTo(Math.min(segments.endOf(segment), tail.first));
      return undefined;
    }
    const scanner = new FrameScanner(file, segments.offsetOf(segment, this.#position), {
      limit: () => segment.bytes,
      first: segment.first,
      below: () => segments.endOf(segment),
    });
    this.#scan = { segment, file, scanner };
    return this.#scan;
  }

  async #collect({ scanner }: OpenScan, maxEvents: number, maxBytes: number): Promise<CollectedEvent[]> {
    const events: CollectedEvent[] = [];
    let bytes = 0;
    for (;;) {
      const event = this.#ahead ?? (await this.#nextEvent(scanner, events.length === 0));
      this.#ahead = undefined;
      if (event === undefined) return events;
      bytes += event.bytes.length;
      if (events.length > 0 && bytes > maxBytes) {
        this.#ahead = event;
        return events;
      }
      events.push(event);
      this.#skipTo(event.position);
      this.#position = event.position + 1;
      if (events.length >= maxEvents) return events;
    }
  }

  /** The next event of the segment from the position on; `undefined` at its end, or where more would have to be loaded. */
  async #nextEvent(scanner: FrameScanner, mayLoad: boolean): Promise<CollectedEvent | undefined> {
    for (;;) {
      while (scanner.next()) {
        if (scanner.position >= this.#position) return scanner.event();
      }
      if (!mayLoad) return undefined;
      const loaded = await this.#patiently(() => scanner.load());
      if (loaded !== true || this.#closed) return undefined;
    }
  }

  /** Goes on behind a segment that has no more to give. */
  #leave({ segment, scanner }: OpenScan): void {
    if (this.#closed) return;
    const { segments, tail } = this.#log;
    const end = Math.min(segments.endOf(segment), Math.max(tail.first, this.#position));
    const missing = this.#skipTo(end) > 0;
    this.#endScan(Math.max(0, segment.bytes - scanner.goodEnd), missing);
  }

  /** Moves forward over positions that hold no event; returns how many. */
  #skipTo(position: Position): number {
    const skipped = Math.max(0, position - this.#position);
    if (skipped > 0) this.#log.metrics.skippedPositions.inc(skipped);
    this.#position += skipped;
    return skipped;
  }

  /** Repeats what the disk cannot do now. `undefined` when the file is gone or the reader is closed. */
  async #patiently<T>(operation: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await operation();
      } catch (error) {
        if (errorCode(error) === "ENOENT") return undefined;
        this.#log.metrics.failedReads.inc();
        if (attempt === 1) this.#log.log.error({ err: error }, "the journal cannot be read; trying again every second");
        if (!this.#closed) await this.#pause();
        if (this.#closed) return undefined;
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#retry = { timer: this.#log.clock.after(RETRY_MS, resolve), wake: resolve };
    });
  }

  /** Closes the file and reports what was wrong with the part that was read. */
  #endScan(damagedEndBytes = 0, missing = false): void {
    const scan = this.#scan;
    this.#scan = undefined;
    this.#ahead = undefined;
    if (scan === undefined) return;
    const { metrics, reported, log } = this.#log;
    const damagedBytes = scan.scanner.damagedBytes + damagedEndBytes;
    metrics.damagedBytes.inc(damagedBytes);
    if ((missing || damagedBytes > 0) && !reported.has(scan.segment.first)) {
      reported.add(scan.segment.first);
      log.warn({ segment: scan.segment.path, damagedBytes }, "events of a journal segment are damaged or missing");
    }
    scan.file.close().catch((error: unknown) => log.warn({ err: error }, "a journal segment could not be closed"));
  }

  close(): void {
    this.#closed = true;
    this.#retry?.timer.cancel();
    this.#retry?.wake();
    if (!this.#reading) this.#endScan();
  }
}
