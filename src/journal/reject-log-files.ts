import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { Durability } from "../core/journal.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { RejectLogConfig } from "./config.ts";
import { type Disk, type DiskWriter, errorCode, isNoRoom, nodeDisk, writeFullySync } from "./disk.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { createJournalMetrics, type JournalMetrics } from "./metrics.ts";
import { type OldFile, rejectFilesOnDisk } from "./reject-files-on-disk.ts";
import { endOfPart, rejectLine } from "./reject-line.ts";
import { RejectOrphans } from "./reject-orphans.ts";
import { whyUnusable } from "./why-unusable.ts";

const HOUR_MS = 3_600_000;
/** A file ends after a day, so that a quiet log does not keep old entries alive with new ones. */
const MAX_FILE_AGE_MS = 24 * HOUR_MS;

/**
 * Within this an entry is synced, unless durability is `memory`, and it is noticed that the
 * open file was deleted: half of what `journal.unsynced` allows by default.
 */
const SYNC_WITHIN_MS = 500;

/** Room for the newest entries on a full disk. One event of the default `http.maxEventBytes` fits, with what is said of it. */
const MAX_RESERVE_BYTES = 2 * 1024 * 1024;

/** Entries that may wait for a slow disk; more are refused. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface RejectLogOptions {
  /** `quarantine` or `dead-letters`: the log's name in metrics and messages. */
  readonly name: string;
  readonly slot: string;
  readonly config: RejectLogConfig;
  /** `disk`: an append is synced before it resolves. */
  readonly durability: Durability;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: JournalMetrics;
  readonly disk?: Disk;
}

/** Opens a reject log. Rejects with `journal_unusable` when its directory cannot be used. */
export async function openRejectLog(options: RejectLogOptions): Promise<RejectLog> {
  const { disk = nodeDisk, config, name } = options;
  const log = new RejectLogFiles({ ...options, disk, metrics: options.metrics ?? createJournalMetrics() });
  try {
    await disk.mkdir(config.dir);
    await disk.syncDirectory(dirname(config.dir));
    await log.start();
  } catch (error) {
    // A disk that is not the machine's, as in a simulation, cannot be looked at beside it.
    const why = disk === nodeDisk ? await whyUnusable(config.dir, error) : String(error);
    throw new MillraceError(
      "journal_unusable",
      `the ${name} in ${config.dir} cannot be used: ${why}, or set another.`,
      { cause: error },
    );
  }
  return log;
}

type Eviction = "max_age" | "max_bytes" | "no_room";

interface OpenFile {
  readonly path: string;
  readonly file: DiskWriter;
  readonly createdMs: number;
  bytes: number;
  /** Bytes that are known to survive a power cut. */
  syncedBytes: number;
}

/**
 * Rejected events as NDJSON files, `<slot>-<yyyymmddThhmmss>-<n>.ndjson`, within a budget:
 * the oldest files go first, by size or by age, and are counted.
 *
 * On a full disk, too, the oldest make room for the newest: a cursor passes an event only
 * once its dead letter is written, so were none written, the journal beside them would never
 * be emptied. Room that was had is not lost to others again: it is in the files or in the
 * reserve, and goes from one to the other within a turn of the event loop.
 *
 * A process appends only to files it created, so a line that an earlier one left torn
 * never runs into the next.
 */
class RejectLogFiles implements RejectLog {
  readonly #options: Required<RejectLogOptions>;
  readonly #fileBytes: number;
  readonly #reserve: DiskReserve;
  readonly #orphans: RejectOrphans;
  readonly #old: OldFile[] = [];
  #oldBytes = 0;
  #open: OpenFile | undefined;
  #created = 0;
  /** Ends when all that was asked for so far is done: one write or deletion at a time. */
  #busy: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #timer: Timer | undefined;
  #syncTimer: Timer | undefined;
  #closed = false;
  #lastError: unknown;
  readonly #failures = new ThrottledLog((entries) => {
    const { log, name, config } = this.#options;
    log.error(
      { err: this.#lastError, entries, dir: config.dir },
      `the ${name} could not be written: free space or see to the permissions of its directory`,
    );
  });
  readonly #givenUp = new ThrottledLog((files) => {
    const { log, name, config } = this.#options;
    log.error(
      { files, dir: config.dir },
      `the disk of the ${name} is full: the oldest of them were deleted to keep the newest; free space`,
    );
  });

  constructor(options: Required<RejectLogOptions>) {
    this.#options = options;
    this.#fileBytes = Math.min(options.config.fileBytes, Math.floor(options.config.maxBytes / 8));
    const { config, slot, disk } = options;
    this.#reserve = new DiskReserve({ config, slot, disk, size: Math.min(MAX_RESERVE_BYTES, this.#fileBytes) });
    this.#orphans = new RejectOrphans(options, (bytes) => this.#count("max_age", bytes));
  }

  /** Takes stock of the files of earlier processes. */
  async start(): Promise<void> {
    this.#old.push(...(await rejectFilesOnDisk(this.#options)));
    for (const { bytes } of this.#old) this.#oldBytes += bytes;
    await this.#evict();
    await this.#orphans.deleteOld();
    this.#reserve.hold();
    this.#evictHourly();
  }

  append(entries: readonly RejectedEvent[]): Promise<void> {
    if (this.#closed) return Promise.reject(this.#failure(new Error("it is closed")));
    if (entries.length === 0) return Promise.resolve();
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      const error = new Error("the disk is too slow");
      this.#lost(entries.length, error);
      return Promise.reject(this.#failure(error));
    }
    const lines = Buffer.from(entries.map(rejectLine).join(""));
    this.#waitingBytes += lines.length;
    const done = this.#busy
      .then(() => this.#write(lines, entries.length))
      .finally(() => {
        this.#waitingBytes -= lines.length;
      });
    this.#busy = done.catch(() => {});
    return done;
  }

  #lost(entries: number, error: unknown): void {
    const { metrics, name, clock } = this.#options;
    metrics.lostRejects.inc({ log: name }, entries);
    this.#lastError = error;
    this.#failures.add(entries, clock.monotonicMs());
  }

  async #write(lines: Buffer, entries: number): Promise<void> {
    const { name, metrics } = this.#options;
    try {
      // One append can be larger than the budget, or the reserve: in parts, the oldest of it can go like any other.
      for (let from = 0, end = 0; from < lines.length; from = end) {
        end = endOfPart(lines, from, this.#reserve.size);
        await this.#writePart(lines.subarray(from, end));
      }
      metrics.rejectedEntries.inc({ log: name }, entries);
    } catch (error) {
      this.#lost(entries, error);
      throw this.#failure(error);
    }
  }

  async #writePart(lines: Buffer): Promise<void> {
    let open: OpenFile | undefined;
    do {
      try {
        open = await this.#tryPart(lines);
      } catch (error) {
        if (!isNoRoom(error)) throw error;
        if (await this.#giveUpOldest()) continue;
        if (lines.length <= this.#reserve.size) throw error;
        // No room that is kept for it would do: as if it had been written, and then been the oldest.
        this.#count("no_room", lines.length);
        return;
      }
    } while (open === undefined);
    if (this.#options.durability === "disk") await this.#sync(open);
    else if (this.#options.durability === "os") this.#syncSoon();
  }

  async #tryPart(lines: Buffer): Promise<OpenFile> {
    const open = await this.#fileFor(lines.length);
    try {
      this.#reserve.lend(() => writeFullySync(open.file, lines, open.bytes));
    } catch (error) {
      await this.#takeBack(open);
      throw error;
    }
    open.bytes += lines.length;
    return open;
  }

  async #sync(open: OpenFile): Promise<void> {
    const { disk, config } = this.#options;
    const { bytes } = open;
    try {
      await open.file.datasync();
      if (open.syncedBytes === 0) await disk.syncDirectory(config.dir);
      open.syncedBytes = bytes;
    } catch (error) {
      // A second sync of the same file would report success.
      open.syncedBytes = bytes;
      await this.#finish();
      throw error;
    }
  }

  #syncSoon(): void {
    this.#syncTimer ??= this.#options.clock.after(SYNC_WITHIN_MS, () => {
      this.#syncTimer = undefined;
      this.#busy = this.#busy.then(() => this.#syncInBackground());
    });
  }

  async #syncInBackground(): Promise<void> {
    const { disk, log } = this.#options;
    const open = this.#open;
    if (open === undefined) return;
    try {
      if (open.syncedBytes < open.bytes) await this.#sync(open);
      if ((await disk.stat(open.path)).bytes >= open.bytes) return;
      throw new Error("it was cut short from outside");
    } catch (error) {
      log.warn(
        { err: error, file: open.path },
        "a file of rejected events was lost or could not be synced; going on in a new one",
      );
      await this.#finish();
    }
  }

  async #fileFor(bytes: number): Promise<OpenFile> {
    const { clock, config, slot } = this.#options;
    await this.#finishIfOld();
    const open = this.#open;
    if (open !== undefined) {
      if (open.bytes === 0 || open.bytes + bytes <= this.#fileBytes) return open;
      await this.#finish();
    }
    await this.#evict(bytes);
    const nowMs = clock.nowMs();
    const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+Z/g, "");
    const path = join(config.dir, `${slot}-${time}-${await this.#unusedNumber(time)}.ndjson`);
    const file = await this.#create(path);
    this.#open = { path, file, createdMs: clock.monotonicMs(), bytes: 0, syncedBytes: 0 };
    return this.#open;
  }

  async #create(path: string): Promise<DiskWriter> {
    const { disk } = this.#options;
    try {
      return disk.createSync(path);
    } catch (error) {
      // There is no inode left: that of the oldest file will do, or that of the reserve.
      if (!isNoRoom(error) || this.#old.length > 0 || !this.#reserve.isHeld) throw error;
      return this.#reserve.lendFile(() => disk.createSync(path));
    }
  }

  /** The clock may have gone back, and another process may have started within the same second. */
  async #unusedNumber(time: string): Promise<number> {
    const { disk, config } = this.#options;
    // It may have been deleted from outside.
    await disk.mkdir(config.dir);
    const names = new Set(await disk.list(config.dir));
    do this.#created++;
    while (names.has(`${this.#options.slot}-${time}-${this.#created}.ndjson`));
    return this.#created;
  }

  /** Cuts off a part of a line; where that fails too, the next append begins a new file. */
  async #takeBack(open: OpenFile): Promise<void> {
    try {
      open.file.truncateSync(open.bytes);
      this.#reserve.hold();
    } catch {
      await this.#finish();
    }
  }

  async #finishIfOld(): Promise<void> {
    const { clock, config } = this.#options;
    if (this.#open === undefined) return;
    const ageMs = clock.monotonicMs() - this.#open.createdMs;
    if (ageMs >= Math.min(MAX_FILE_AGE_MS, config.maxAgeMs)) await this.#finish();
  }

  async #finish(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#old.push({ path: open.path, bytes: open.bytes, modifiedMs: this.#options.clock.monotonicMs() });
    this.#oldBytes += open.bytes;
    try {
      if (this.#options.durability !== "memory" && open.syncedBytes < open.bytes) await open.file.datasync();
      await open.file.close();
    } catch (error) {
      this.#options.log.warn({ err: error, file: open.path }, "a file of rejected events could not be closed");
    }
  }

  /**
   * Deletes the oldest files until the rest is young enough, and within the budget together
   * with the reserve and a full open file, or with a first line of `bytes` if that is longer.
   */
  async #evict(bytes = 0): Promise<void> {
    const { config, clock } = this.#options;
    for (;;) {
      const oldest = this.#old[0];
      if (oldest === undefined) return;
      const isOld = clock.monotonicMs() - oldest.modifiedMs > config.maxAgeMs;
      const used = this.#oldBytes + Math.max(bytes, this.#fileBytes) + this.#reserve.size;
      if (!isOld && used <= config.maxBytes) return;
      if (!(await this.#delete(oldest, isOld ? "max_age" : "max_bytes"))) return;
    }
  }

  /** Deletes the oldest entries of a full disk, as many as are in a file. False when there are none. */
  async #giveUpOldest(): Promise<boolean> {
    if (this.#old.length === 0 && this.#open !== undefined && this.#open.bytes > 0) await this.#finish();
    const oldest = this.#old[0];
    return oldest !== undefined && this.#delete(oldest, "no_room");
  }

  async #delete(oldest: OldFile, reason: Eviction): Promise<boolean> {
    const { disk, log } = this.#options;
    try {
      // The room that deleting a file gives back would go to whoever writes first.
      if (!this.#reserve.hold()) await this.#moveToReserve(oldest);
      await disk.unlink(oldest.path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") {
        log.warn({ err: error, file: oldest.path }, "a file of rejected events could not be deleted");
        return false;
      }
    }
    this.#old.shift();
    this.#oldBytes -= oldest.bytes;
    this.#count(reason, oldest.bytes);
    return true;
  }

  async #moveToReserve({ path }: OldFile): Promise<void> {
    const emptied = this.#options.disk.createSync(path);
    this.#reserve.hold();
    await emptied.close();
  }

  #count(reason: Eviction, bytes: number): void {
    const { clock, metrics, name } = this.#options;
    const labels = { log: name, reason };
    metrics.evictedRejectFiles.inc(labels);
    metrics.evictedRejectBytes.inc(labels, bytes);
    if (reason === "no_room") this.#givenUp.add(1, clock.monotonicMs());
  }

  #evictHourly(): void {
    this.#timer = this.#options.clock.after(HOUR_MS, () => {
      this.#busy = this.#busy.then(() => this.#finishIfOld()).then(() => this.#evict());
      this.#busy = this.#busy.then(() => this.#orphans.deleteOld());
      this.#evictHourly();
    });
  }

  #failure(cause: unknown): MillraceError {
    const { name, config } = this.#options;
    const problem = cause instanceof Error ? cause.message : String(cause);
    return new MillraceError("journal_write_failed", `the ${name} in ${config.dir} could not be written: ${problem}`, {
      cause,
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#syncTimer?.cancel();
    await this.#busy;
    await this.#finish();
    await this.#reserve.close();
  }
}
