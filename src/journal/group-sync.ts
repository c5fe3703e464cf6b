import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { AppendGroup } from "./append-group.ts";
import { type Disk, errorCode } from "./disk.ts";
import type { JournalMetrics } from "./metrics.ts";
import { type ReadableSegment, rewriteSegment } from "./rewrite-segment.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import type { Segment, SegmentList } from "./segment-list.ts";
import type { OpenSegment, SegmentWriter } from "./segment-writer.ts";
import { Unsynced, type UnsyncedLimits } from "./unsynced.ts";

/** A sync that takes longer is taken for one that does not end, and nobody is kept waiting for it. */
const STALLED_AFTER_MS = 10_000;

/** Least time between two attempts to write again what could not be synced. */
const RESCUE_EVERY_MS = 1_000;

/** Segments that could not be synced. Each failed sync adds one, with an open file that writing it again needs. */
const MAX_DOUBTFUL = 16;

/** How often it is checked that the files which are written to still have their names. */
const LOOK_EVERY_MS = 500;

export interface GroupSyncOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly segments: SegmentList;
  readonly limits: UnsyncedLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: JournalMetrics;
  readonly writer: () => SegmentWriter;
  /** Told how each sync ended that an append waited for. */
  readonly onSynced: (failure: MillraceError | undefined) => void;
}

/**
 * Makes what was written survive a power cut: one sync at a time, and the next covers
 * everyone who came meanwhile.
 *
 * A sync runs for those who wait for one, when a segment is finished, and in the background
 * before more is unsynced than the limits allow. At the limits every append waits for its
 * sync, so that what a power cut may cost grows no further.
 *
 * After a failed sync the kernel may have dropped what it could not write, and reports that
 * once. So the segment is written again from its open file; so is one whose file was
 * deleted from outside.
 */
export class GroupSync {
  readonly #options: GroupSyncOptions;
  readonly #unsynced: Unsynced;
  #waiting: AppendGroup[] = [];
  /** Those whom the sync that runs is for. */
  #served: AppendGroup[] = [];
  #finished: OpenSegment[] = [];
  /** Segments that no sync reports on any more. */
  #doubtful: ReadableSegment[] = [];
  #rescueDueMs = 0;
  /** The newest segment whose name is known to survive a power cut. */
  #namedUpTo: OpenSegment | undefined;
  #lookDueMs = 0;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #stalled = false;
  #isTakingBack = false;
  #closed = false;
  #lastError: unknown;
  readonly #failures = new ThrottledLog((syncs) =>
    this.#options.log.error(
      { err: this.#lastError, syncs },
      "the journal could not be synced to disk: it is written again, and until that has worked events are acknowledged only once they are synced; see to the disk of journal.dir",
    ),
  );

  constructor(options: GroupSyncOptions) {
    this.#options = options;
    this.#unsynced = new Unsynced(options.limits);
    const { clock, metrics } = options;
    metrics.showUnsynced(() => ({ bytes: this.#unsynced.bytes, ageMs: this.#unsynced.ageMs(clock.monotonicMs()) }));
  }

  /**
   * Takes over segments of an earlier process that could not be synced when it was recovered:
   * what a power cut takes of them, and of what is written now, is to be within the limits together.
   */
  adopt(unsynced: readonly Segment[]): void {
    if (unsynced.length === 0) return;
    const { clock, disk } = this.#options;
    for (const segment of unsynced) {
      this.#unsynced.add(segment.bytes, clock.monotonicMs());
      this.#doubtful.push({ segment, file: fileOf(disk, segment.path) });
    }
    this.#unsynced.strand();
    this.#startWhenDue();
  }

  /** Why nothing may be appended now, in words: the disk does not finish a sync, or fails all of them. */
  get stall(): string | undefined {
    if (this.#doubtful.length >= MAX_DOUBTFUL) return "the disk of the journal fails every sync";
    if (!this.#stalled) return undefined;
    return `the disk of the journal has not finished a sync for more than ${STALLED_AFTER_MS / 1_000} s`;
  }

  /**
   * Whether a failed write could not be cut off yet, or a power cut could still bring it back:
   * whole events of it, at positions that the next group would be given. Until then nothing is
   * to be written.
   */
  get isTakingBack(): boolean {
    return this.#isTakingBack;
  }

  /** @param left a segment from which it could not be cut off: it is written again without it */
  takeBack(left?: OpenSegment): void {
    this.#isTakingBack = true;
    if (left !== undefined) {
      this.#doubtful.push(left);
      this.#unsynced.strand();
    }
    this.#start();
  }

  /** Settles the appends of a group that was written: at once, or after a sync those that ask for it and those beyond the limits. */
  wrote(group: AppendGroup): void {
    const { clock, metrics } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#unsynced.add(group.bytes, nowMs);
    if (this.#unsynced.isWithin(nowMs)) {
      group.resolveWritten();
    } else {
      metrics.heldBack.inc(group.events.length);
      group.holdBack();
    }
    if (group.wantsSync) {
      this.#waiting.push(group);
      this.#start();
    } else {
      this.#startWhenDue();
    }
  }

  /** Syncs and closes a segment that is no longer written to. */
  retire(finished: OpenSegment): void {
    this.#finished.push(finished);
    this.#start();
  }

  /** Syncs what is left. Resolves with whether all that was ever written survives a power cut. */
  async close(): Promise<boolean> {
    this.#closed = true;
    this.#start();
    await this.#running;
    this.#rescueDueMs = 0;
    await this.#rescue();
    for (const { file } of this.#doubtful) await this.#closeFile(file);
    return this.#unsynced.bytes === 0;
  }

  #startWhenDue(): void {
    if (this.#running !== undefined || this.#closed) return;
    const delayMs = this.#dueMs - this.#options.clock.monotonicMs();
    if (delayMs <= 0) this.#start();
    else if (delayMs < Number.POSITIVE_INFINITY)
      this.#timer ??= this.#options.clock.after(delayMs, () => this.#start());
  }

  get #dueMs(): number {
    const rescueMs = this.#doubtful.length > 0 ? this.#rescueDueMs : Number.POSITIVE_INFINITY;
    return Math.min(this.#unsynced.dueMs ?? Number.POSITIVE_INFINITY, rescueMs);
  }

  #start(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#startWhenDue();
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    do {
      const stall = clock.after(STALLED_AFTER_MS, () => this.#giveUpWaiting());
      await this.#pass();
      await this.#rescue();
      stall.cancel();
      this.#stalled = false;
    } while (this.#waiting.length > 0 || this.#finished.length > 0 || this.#hasToTakeBack);
  }

  /** Whether a sync would. After one that failed it takes writing the segment again. */
  get #hasToTakeBack(): boolean {
    return this.#isTakingBack && this.#doubtful.length === 0;
  }

  /** Syncs what was written so far, and settles those who wait for it. */
  async #pass(): Promise<void> {
    const finished = this.#finished;
    this.#served = this.#waiting;
    this.#finished = [];
    this.#waiting = [];
    const { open } = this.#options.writer();
    const takesBack = this.#isTakingBack;
    const isNeeded = open !== undefined && (takesBack || open.segment.bytes > SEGMENT_HEADER_BYTES);
    const segments = isNeeded ? [...finished, open] : finished;
    this.#unsynced.beginSync();
    try {
      await this.#sync(segments);
    } catch (error) {
      this.#unsynced.endSync(false);
      this.#failed(segments, error);
      return;
    }
    this.#unsynced.endSync(true);
    if (takesBack && this.#doubtful.length === 0) this.#isTakingBack = false;
    if (this.#served.length > 0) this.#options.onSynced(undefined);
    for (const group of this.#served) group.resolveSynced();
    this.#served = [];
    for (const { file } of finished) await this.#closeFile(file);
  }

  async #sync(segments: readonly OpenSegment[]): Promise<void> {
    if (segments.length === 0) return;
    const { disk, directory, metrics } = this.#options;
    const stop = metrics.syncSeconds.startTimer();
    for (const { file } of segments) await file.datasync();
    const newest = segments.at(-1);
    if (newest !== this.#namedUpTo) {
      await disk.syncDirectory(directory);
      this.#namedUpTo = newest;
    }
    stop();
    await this.#lookForNames(segments);
  }

  /** Files can be deleted while they are written to, and only the file system's own bookkeeping tells. */
  async #lookForNames(segments: readonly OpenSegment[]): Promise<void> {
    const { clock, disk } = this.#options;
    if (clock.monotonicMs() < this.#lookDueMs) return;
    this.#lookDueMs = clock.monotonicMs() + LOOK_EVERY_MS;
    for (const { segment } of segments) {
      const { path, bytes } = segment;
      if ((await bytesThere(disk, path)) >= bytes || !this.#options.segments.needs(segment)) continue;
      throw new Error(`${path} was deleted, moved or cut short from outside`);
    }
  }

  #failed(segments: readonly OpenSegment[], error: unknown): void {
    const { clock, metrics, writer } = this.#options;
    metrics.failedSyncs.inc();
    this.#lastError = error;
    this.#failures.add(1, clock.monotonicMs());
    // New events go to a new file. What was written until now is doubtful: a second sync would report success.
    if (this.#isTakingBack) writer().finish();
    else writer().finishWritten();
    for (const segment of new Set([...segments, ...this.#finished])) this.#doubtful.push(segment);
    this.#finished = [];
    this.#rejectAll(
      new MillraceError("journal_write_failed", "the events were written but not synced to disk", { cause: error }),
    );
  }

  #giveUpWaiting(): void {
    this.#stalled = true;
    this.#options.log.error("the disk of the journal does not finish a sync, and events are refused until it does");
    this.#rejectAll(new MillraceError("journal_write_failed", this.stall ?? ""));
  }

  /** Those who came during the sync, too: their bytes may be in the same file. */
  #rejectAll(failure: MillraceError): void {
    const groups = [...this.#served, ...this.#waiting];
    this.#served = [];
    this.#waiting = [];
    if (groups.length > 0) this.#options.onSynced(failure);
    for (const group of groups) group.rejectSynced(failure);
  }

  /** Writes again what could not be synced, unless every sink has it by now. */
  async #rescue(): Promise<void> {
    const { clock, log, metrics, segments } = this.#options;
    if (this.#doubtful.length === 0 || clock.monotonicMs() < this.#rescueDueMs) return;
    const left: ReadableSegment[] = [];
    for (const open of this.#doubtful) {
      try {
        // An empty one is not needed, and the next segment may have been created in its place.
        if (open.segment.bytes > SEGMENT_HEADER_BYTES && segments.needs(open.segment)) {
          if (await rewriteSegment(open, this.#options)) {
            metrics.rewrittenSegments.inc();
            log.warn({ segment: open.segment.path }, "a segment that could not be synced was written again");
          }
        }
      } catch (error) {
        this.#lastError = error;
        this.#failures.add(1, clock.monotonicMs());
        left.push(open);
        continue;
      }
      await this.#closeFile(open.file);
    }
    this.#doubtful = left;
    this.#rescueDueMs = clock.monotonicMs() + RESCUE_EVERY_MS;
    if (left.length > 0) return;
    this.#unsynced.rescued();
    this.#isTakingBack = false;
  }

  async #closeFile(file: ReadableSegment["file"]): Promise<void> {
    try {
      await file.close();
    } catch (error) {
      this.#options.log.warn({ err: error }, "a journal segment could not be closed");
    }
  }
}

/** Opened for each read: a file that is kept open shows only what it had when it lost its name. */
function fileOf(disk: Disk, path: string): ReadableSegment["file"] {
  return {
    async read(buffer, offset) {
      const file = await disk.open(path);
      try {
        return await file.read(buffer, offset);
      } finally {
        await file.close();
      }
    },
    close: () => Promise.resolve(),
  };
}

/** Bytes of the file of that name; 0 when there is none. */
async function bytesThere(disk: Disk, path: string): Promise<number> {
  try {
    return (await disk.stat(path)).bytes;
  } catch (error) {
    // What cannot be looked up may well be there.
    return errorCode(error) === "ENOENT" ? 0 : Number.POSITIVE_INFINITY;
  }
}
