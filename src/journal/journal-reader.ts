import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { JournalReader } from "../core/journal.ts";
import { type Disk, errorCode } from "./disk.ts";
import { FrameScanner } from "./frame-scanner.ts";
import type { MemoryTail } from "./memory-tail.ts";
import type { JournalMetrics } from "./metrics.ts";
import { POSITION_GAP } from "./positions-file.ts";
import { BAD_AFTER_ATTEMPTS, SectorReader } from "./sector-reader.ts";
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
  readonly file: SectorReader;
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
        // A file that is open takes its room on the disk, deleted or not, and on a full disk there may be no next event.
        if (this.#position >= this.#log.end()) this.#endScan();
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
      this.#skipTo(this.#behindAll);
      return undefined;
    }
    if (this.#scan?.segment === segment) return this.#scan;
    this.#endScan();
    this.#skipTo(segment.first);
    const file = await this.#patiently(() => SectorReader.open(disk, segment.path));
    if (file === undefined) {
      // Deleted meanwhile: someone else let go of it, or this reader is closed.
      if (!this.#closed) this.#skipTo(Math.min(segments.endOf(segment), this.#behindAll));
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
      // Waits only for what is not in memory: a promise for each event costs 0.1 µs, an eighth of all that reading it does.
      const inMemory = this.#ahead ?? this.#nextInMemory(scanner);
      const event = inMemory ?? (events.length === 0 ? await this.#nextLoaded(scanner) : undefined);
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

  /** The next event of the segment from the position on; `undefined` at its end, and where more has to be loaded. */
  #nextInMemory(scanner: FrameScanner): CollectedEvent | undefined {
    while (scanner.next()) {
      if (scanner.position >= this.#position) return scanner.event();
    }
    return undefined;
  }

  /** The next event of what is not in memory yet; `undefined` at the end of the segment. */
  async #nextLoaded(scanner: FrameScanner): Promise<CollectedEvent | undefined> {
    for (;;) {
      const loaded = await this.#patiently(() => this.#load(scanner));
      if (loaded !== true || this.#closed) return undefined;
      const event = this.#nextInMemory(scanner);
      if (event !== undefined) return event;
    }
  }

  async #load(scanner: FrameScanner): Promise<boolean> {
    try {
      return await scanner.load();
    } catch (error) {
      // The file stays open when a person has moved it away, so that this reader may go on.
      if (this.#scan !== undefined) await this.#log.disk.stat(this.#scan.segment.path);
      throw error;
    }
  }

  /** Goes on behind a segment that has no more to give. */
  #leave({ segment, scanner }: OpenScan): void {
    if (this.#closed) return;
    const end = Math.min(this.#log.segments.endOf(segment), Math.max(this.#behindAll, this.#position));
    const missing = this.#skipTo(end) > 0;
    this.#endScan(Math.max(0, segment.bytes - scanner.goodEnd), missing);
  }

  /**
   * Where what is only on the disk ends. The tail may begin behind the journal's end, at the positions that a
   * start has left a gap before: until there is an event, a reader that went there would be ahead of the ledger.
   */
  get #behindAll(): Position {
    return Math.min(this.#log.tail.first, this.#log.end());
  }

  /** Moves forward over positions that hold no event; returns how many are missing. */
  #skipTo(position: Position): number {
    const skipped = Math.max(0, position - this.#position);
    this.#position += skipped;
    // A start left them free. Events that a power cut took before it are found by the ledger.
    if (skipped >= POSITION_GAP) return 0;
    if (skipped > 0) this.#log.metrics.skippedPositions.inc(skipped);
    return skipped;
  }

  /** Repeats what the disk cannot do now. `undefined` when the file is gone or the reader is closed. */
  async #patiently<T>(operation: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await operation();
        // Each place is tried as long: a disk that is away may seem to be there, by what is in memory.
        if (this.#scan !== undefined) this.#scan.file.skipsBadSectors = false;
        return result;
      } catch (error) {
        if (errorCode(error) === "ENOENT") return undefined;
        this.#log.metrics.failedReads.inc();
        if (attempt === 1)
          this.#log.log.error(
            { err: error, segment: this.#scan?.segment.path },
            "the journal cannot be read; trying again every second. If that does not end, move the segment away: the ledger then counts its events as lost",
          );
        if (attempt >= BAD_AFTER_ATTEMPTS && this.#scan !== undefined) this.#scan.file.skipsBadSectors = true;
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
