import assert from "node:assert/strict";
import { MillraceError } from "../core/errors.ts";
import type { CollectedEvent, EventDraft, Position } from "../core/event.ts";
import type { AppendLevel, Journal, JournalReader } from "../core/journal.ts";
import type { Clock } from "../core/clock.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { Logger } from "pino";
import { AppendGroup } from "./append-group.ts";
import { Arena } from "./arena.ts";
import { type Disk, errorCode, isNoRoom } from "./disk.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import { encodeFrame, frameBytes } from "./frame.ts";
import { GroupSync } from "./group-sync.ts";
import { type ReadableLog, SegmentReader } from "./journal-reader.ts";
import { MemoryTail } from "./memory-tail.ts";
import type { JournalMetrics } from "./metrics.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import type { Segment, SegmentList } from "./segment-list.ts";
import { LeftBehind, SegmentWriter } from "./segment-writer.ts";
import type { UnsyncedLimits } from "./unsynced.ts";

const DISK_IS_FULL = "the disk of the journal is full";

/** How long a failed write counts as a failure of the journal, when no other write shows that it works again. */
const FAILURE_MS = 10_000;

/** How long a disk that had no room for a write counts as full, unless a segment is deleted before. */
const NO_ROOM_MS = 100;

export interface DiskJournalOptions {
  readonly slot: string;
  readonly durability: "os" | "disk";
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly tailBytes: number;
  readonly unsynced: UnsyncedLimits;
  readonly directory: string;
  readonly segments: SegmentList;
  /** Segments that recovery could not sync. */
  readonly recoveredUnsynced: readonly Segment[];
  /** One past the newest event that recovery found. */
  readonly end: Position;
  /** The position of the next event: at least `end`. */
  readonly first: Position;
  readonly disk: Disk;
  readonly reserve: DiskReserve | undefined;
  /** Whether positions may be used; asked before each append. */
  readonly isNoted: () => boolean;
  /** Told the next position once everything is synced and closed. */
  readonly onClosed: (next: Position) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: JournalMetrics;
}

/**
 * The journal on disk: durability `os` and `disk`.
 *
 * An append is encoded at once, into the buffer it is written from. What arrived in one
 * turn of the event loop is written together at its end, and only then shown to readers,
 * listeners and the senders.
 *
 * Invariant: positions of a group whose write failed were never shown to anyone, and go
 * to the next group.
 */
export class DiskJournal implements Journal {
  readonly durability: "os" | "disk";
  readonly slot: string;
  readonly maxBytes: number;
  readonly #tailBytes: number;
  readonly #segments: SegmentList;
  readonly #writer: SegmentWriter;
  readonly #sync: GroupSync;
  readonly #tail: MemoryTail;
  readonly #arena = new Arena();
  readonly #metrics: JournalMetrics;
  readonly #listeners: ((events: readonly CollectedEvent[]) => void)[] = [];
  readonly #readable: ReadableLog;
  readonly #reserve: DiskReserve | undefined;
  readonly #isNoted: () => boolean;
  readonly #onClosed: (next: Position) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #released: Position = 0;
  /** Since when, by the monotonic clock, and with how many segments deleted until then, the disk had no room. */
  #noRoom: { readonly atMs: number; readonly deleted: number } | undefined;
  #failed: { readonly atMs: number; readonly message: string } | undefined;
  #group = new AppendGroup();
  #end: Position;
  #closing: Promise<void> | undefined;
  #lastError: unknown;
  readonly #failures = new ThrottledLog((events) =>
    this.#log.error(
      { err: this.#lastError, events },
      isNoRoom(this.#lastError)
        ? "the disk of the journal is full, and events are refused until there is room: free space, or mend the sink that takes nothing (GET /v1/sinks on the admin port)"
        : "the journal could not be written, and events are refused: see to the disk and the permissions of journal.dir",
    ),
  );

  constructor(options: DiskJournalOptions) {
    const { disk, directory, segments, clock, log, metrics } = options;
    this.durability = options.durability;
    this.slot = options.slot;
    this.maxBytes = options.maxBytes;
    this.#tailBytes = options.tailBytes;
    this.#segments = segments;
    this.#metrics = metrics;
    this.#reserve = options.reserve;
    this.#isNoted = options.isNoted;
    this.#onClosed = options.onClosed;
    this.#clock = clock;
    this.#log = log;
    this.#end = options.end;
    this.#tail = new MemoryTail(options.first);
    this.#sync = new GroupSync({
      disk,
      directory,
      segments,
      limits: options.unsynced,
      log,
      clock,
      metrics,
      writer: () => this.#writer,
      onSynced: (failure) => this.#note(failure),
    });
    this.#writer = new SegmentWriter({
      disk,
      segments,
      // Space comes back a segment at a time: with few large ones the budget could be used up by the one being written.
      segmentBytes: Math.min(options.segmentBytes, Math.floor(options.maxBytes / 8)),
      clock,
      log,
      retire: (finished) => this.#sync.retire(finished),
      onTakenBack: (left) => this.#sync.takeBack(left),
    });
    this.#sync.adopt(options.recoveredUnsynced);
    this.#readable = {
      end: () => this.#end,
      tail: this.#tail,
      segments,
      disk,
      clock,
      log,
      metrics,
      reported: new Set(),
    };
  }

  get first(): Position {
    return this.#segments.first ?? this.#end;
  }

  get end(): Position {
    return this.#end;
  }

  get nextPosition(): Position {
    return this.#tail.end + this.#group.events.length;
  }

  get heldBytes(): number {
    return this.#segments.heldBytes;
  }

  bytesFrom(position: Position): number {
    return this.#segments.bytesFrom(position);
  }

  get failure(): string | undefined {
    if (this.#sync.stall !== undefined) return this.#sync.stall;
    if (this.#failed === undefined || this.#clock.monotonicMs() - this.#failed.atMs > FAILURE_MS) return undefined;
    return this.#failed.message;
  }

  isFull(bytes: number): boolean {
    return (
      this.#sync.stall !== undefined ||
      this.#sync.isTakingBack ||
      this.#diskIsFull() ||
      this.#overBudget(bytes) > this.#segments.releasedBytes
    );
  }

  #diskIsFull(): boolean {
    if (this.#hadNoRoom()) return true;
    if ((this.#reserve === undefined || this.#reserve.hold()) && this.#isNoted()) return false;
    this.#makeRoom();
    return true;
  }

  /** To try again with each append would cost a sync each, of what it left. */
  #hadNoRoom(): boolean {
    if (this.#noRoom === undefined) return false;
    const { atMs, deleted } = this.#noRoom;
    if (this.#segments.deleted === deleted && this.#clock.monotonicMs() - atMs < NO_ROOM_MS) return true;
    this.#noRoom = undefined;
    return false;
  }

  /** How far `bytes` more would exceed the budget, were nothing deleted first. */
  #overBudget(bytes: number): number {
    // The write may begin a new segment, whose header counts.
    return this.#segments.heldBytes + this.#group.bytes + bytes + SEGMENT_HEADER_BYTES - this.maxBytes;
  }

  append(drafts: readonly EventDraft[], level: AppendLevel): Promise<Position> {
    assert(drafts.length > 0, "an append has at least one event");
    if (this.#closing !== undefined)
      return Promise.reject(new MillraceError("journal_write_failed", "the journal is closed"));
    if (this.#sync.stall !== undefined) {
      this.#metrics.failedWrites.inc(drafts.length);
      return Promise.reject(new MillraceError("journal_write_failed", this.#sync.stall));
    }
    if (this.#sync.isTakingBack) {
      const isFull = isNoRoom(this.#lastError);
      (isFull ? this.#metrics.refusedFull : this.#metrics.failedWrites).inc(drafts.length);
      return Promise.reject(writeFailure(this.#lastError));
    }
    let bytes = 0;
    const sizes: number[] = [];
    for (const draft of drafts) {
      const size = frameBytes(draft);
      sizes.push(size);
      bytes += size;
    }
    if (this.isFull(bytes)) {
      this.#metrics.refusedFull.inc(drafts.length);
      return Promise.reject(
        new MillraceError(
          "journal_full",
          this.#diskIsFull() ? DISK_IS_FULL : `the journal holds ${this.heldBytes} of ${this.maxBytes} bytes`,
        ),
      );
    }
    const excess = this.#overBudget(bytes);
    if (excess > 0) this.#segments.reclaim(excess);

    const group = this.#group;
    const first = this.nextPosition;
    // Not a microtask: that would run between the requests of one turn, and split the group.
    if (group.events.length === 0) setImmediate(() => this.#commit());
    let index = 0;
    for (const draft of drafts) {
      const size = sizes[index++] ?? 0;
      const buffer = this.#arena.reserve(size);
      group.events.push(encodeFrame(buffer, this.#arena.offset, draft, this.nextPosition));
      this.#arena.use(size);
    }
    group.bytes += bytes;
    return group.wait(first, level === "synced" || this.durability === "disk");
  }

  /** Writes the group of this turn, shows it to readers and listeners, and settles its appends. */
  #commit(): void {
    const group = this.#group;
    const first = group.events[0];
    if (first === undefined) return;
    this.#group = new AppendGroup();
    const stop = this.#metrics.writeSeconds.startTimer();
    try {
      this.#writer.write(this.#arena.take(), first.position, first.position + group.events.length);
    } catch (error) {
      this.#metrics.failedWrites.inc(group.events.length);
      this.#lastError = error;
      this.#failures.add(group.events.length, this.#clock.monotonicMs());
      const failure = writeFailure(error);
      if (isNoRoom(error)) {
        this.#noRoom = { atMs: this.#clock.monotonicMs(), deleted: this.#segments.deleted };
        this.#makeRoom();
      } else {
        this.#note(failure);
      }
      group.reject(failure);
      return;
    }
    stop();
    this.#metrics.groupEvents.observe(group.events.length);
    this.#metrics.writtenBytes.inc(group.bytes);
    this.#tail.push(group.events);
    this.#end = this.#tail.end;
    for (const listener of this.#listeners) listener(group.events);
    this.#tail.shrinkTo(this.#tailBytes);
    this.#sync.wrote(group);
    if (!group.wantsSync) this.#note(undefined);
  }

  #note(failure: MillraceError | undefined): void {
    this.#failed = failure && { atMs: this.#clock.monotonicMs(), message: failure.message };
  }

  onAppend(listener: (events: readonly CollectedEvent[]) => void): void {
    this.#listeners.push(listener);
  }

  reader(from: Position): JournalReader {
    return new SegmentReader(this.#readable, from);
  }

  forget(position: Position): void {
    // Events that live long cost the garbage collector: 0.5 µs each when all of a 32 MiB tail is kept.
    this.#tail.forgetBelow(position);
  }

  release(position: Position): void {
    // One group can be as large as the budget. Were its segment kept open, nothing would ever fit again.
    if (position >= this.#end) this.#writer.finishFull();
    this.#released = position;
    this.#segments.release(position);
    this.forget(position);
  }

  /** Gives back a segment of a full disk, before its time if need be: the one being written may be all there is. */
  #makeRoom(): void {
    if (this.#released >= this.#end) this.#writer.finishWritten();
    this.#segments.release(this.#released);
    this.#segments.reclaim(1);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#commit();
    this.#writer.finish();
    const isSynced = await this.#sync.close();
    await this.#segments.settled();
    if (isSynced) await this.#onClosed(this.nextPosition);
  }
}

function writeFailure(cause: unknown): MillraceError {
  if (isNoRoom(cause)) return new MillraceError("journal_full", DISK_IS_FULL, { cause });
  const reason = cause instanceof LeftBehind ? cause.cause : cause;
  const problem = errorCode(reason) ?? String(reason);
  return new MillraceError("journal_write_failed", `the journal could not be written: ${problem}`, { cause });
}
