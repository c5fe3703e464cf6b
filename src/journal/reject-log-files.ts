import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { Clock, Timer } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { Durability } from "../core/journal.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { RejectLogConfig } from "./config.ts";
import { type Disk, type DiskWriter, errorCode, nodeDisk, writeFullySync } from "./disk.ts";
import { modifiedAt } from "./file-age.ts";
import { createJournalMetrics, type JournalMetrics } from "./metrics.ts";
import { rejectLine } from "./reject-line.ts";

const HOUR_MS = 3_600_000;
/** A file ends after a day, so that a quiet log does not keep old entries alive with new ones. */
const MAX_FILE_AGE_MS = 24 * HOUR_MS;

/**
 * Within this an entry is synced, unless durability is `memory`, and it is noticed that the
 * open file was deleted: half of what `journal.unsynced` allows by default.
 */
const SYNC_WITHIN_MS = 500;

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
    const problem = error instanceof Error ? error.message : String(error);
    throw new MillraceError(
      "journal_unusable",
      `the ${name} in ${config.dir} cannot be used: ${problem}. Make the directory readable and writable, or set another.`,
      { cause: error },
    );
  }
  return log;
}

interface OldFile {
  readonly path: string;
  readonly bytes: number;
  /** When its newest entry was written, by the monotonic clock. */
  readonly modifiedMs: number;
}

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
 * A process appends only to files it created, so a line that an earlier one left torn
 * never runs into the next.
 */
class RejectLogFiles implements RejectLog {
  readonly #options: Required<RejectLogOptions>;
  readonly #fileBytes: number;
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

  constructor(options: Required<RejectLogOptions>) {
    this.#options = options;
    this.#fileBytes = Math.min(options.config.fileBytes, Math.floor(options.config.maxBytes / 8));
  }

  /** Takes stock of the files of earlier processes. */
  async start(): Promise<void> {
    const { config, disk, slot } = this.#options;
    for (const name of await disk.list(config.dir)) {
      // Other slots keep their files in the same directory.
      if (!name.startsWith(`${slot}-`) || !/^\d{8}T\d{6}-\d+\.ndjson$/.test(name.slice(slot.length + 1))) continue;
      const path = join(config.dir, name);
      const { bytes, modifiedMs } = await disk.stat(path);
      this.#old.push({ path, bytes, modifiedMs: modifiedAt(this.#options.clock, modifiedMs) });
      this.#oldBytes += bytes;
    }
    this.#old.sort((a, b) => a.modifiedMs - b.modifiedMs);
    await this.#evict();
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
      // One append can be larger than the budget: in parts, the oldest of it can go like any other.
      for (let from = 0, end = 0; from < lines.length; from = end) {
        end = endOfPart(lines, from, this.#fileBytes);
        await this.#writePart(lines.subarray(from, end));
      }
      metrics.rejectedEntries.inc({ log: name }, entries);
    } catch (error) {
      this.#lost(entries, error);
      throw this.#failure(error);
    }
  }

  async #writePart(lines: Buffer): Promise<void> {
    const open = await this.#fileFor(lines.length);
    try {
      writeFullySync(open.file, lines, open.bytes);
    } catch (error) {
      await this.#takeBack(open);
      throw error;
    }
    open.bytes += lines.length;
    if (this.#options.durability === "disk") await this.#sync(open);
    else if (this.#options.durability === "os") this.#syncSoon();
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
    const { clock, config, disk, slot } = this.#options;
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
    this.#open = { path, file: disk.createSync(path), createdMs: clock.monotonicMs(), bytes: 0, syncedBytes: 0 };
    return this.#open;
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
   * with a full open file, or with a first line of `bytes` if that is longer.
   */
  async #evict(bytes = 0): Promise<void> {
    const { config, clock, disk, log, metrics, name } = this.#options;
    for (;;) {
      const oldest = this.#old[0];
      if (oldest === undefined) return;
      const isOld = clock.monotonicMs() - oldest.modifiedMs > config.maxAgeMs;
      if (!isOld && this.#oldBytes + Math.max(bytes, this.#fileBytes) <= config.maxBytes) return;
      try {
        await disk.unlink(oldest.path);
      } catch (error) {
        if (errorCode(error) !== "ENOENT") {
          log.warn({ err: error, file: oldest.path }, "a file of rejected events could not be deleted");
          return;
        }
      }
      this.#old.shift();
      this.#oldBytes -= oldest.bytes;
      const labels = { log: name, reason: isOld ? "max_age" : "max_bytes" };
      metrics.evictedRejectFiles.inc(labels);
      metrics.evictedRejectBytes.inc(labels, oldest.bytes);
    }
  }

  #evictHourly(): void {
    this.#timer = this.#options.clock.after(HOUR_MS, () => {
      this.#busy = this.#busy.then(() => this.#finishIfOld()).then(() => this.#evict());
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
  }
}

/** Where a part of at most `maxBytes` ends that begins at `from`: after whole lines, and at least one. */
function endOfPart(lines: Buffer, from: number, maxBytes: number): number {
  if (lines.length - from <= maxBytes) return lines.length;
  const end = lines.lastIndexOf("\n", from + maxBytes - 1) + 1;
  return end > from ? end : lines.indexOf("\n", from) + 1;
}
