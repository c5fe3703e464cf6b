import type { Logger } from "pino";
import { MillraceError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { AppendGroup } from "./append-group.ts";
import type { Disk } from "./disk.ts";
import type { JournalMetrics } from "./metrics.ts";
import type { OpenSegment, SegmentWriter } from "./segment-writer.ts";

/**
 * Group commit: one sync at a time, and the next covers everyone who came meanwhile.
 *
 * A segment is also synced when it is finished, whatever the durability, so that a power
 * cut can reach little more than the newest one.
 */
export class GroupSync {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #metrics: JournalMetrics;
  readonly #writer: () => SegmentWriter;
  readonly #onSynced: (failure: MillraceError | undefined) => void;
  #waiting: AppendGroup[] = [];
  #finished: OpenSegment[] = [];
  /** The newest segment whose name is known to survive a power cut. */
  #namedUpTo: OpenSegment | undefined;
  #running: Promise<void> | undefined;
  #lastError: unknown;
  readonly #failures = new ThrottledLog((syncs) =>
    this.#log.error(
      { err: this.#lastError, syncs },
      "the journal could not be synced to disk, and senders are refused: see to the disk of journal.dir",
    ),
  );

  constructor(options: {
    disk: Disk;
    directory: string;
    log: Logger;
    clock: Clock;
    metrics: JournalMetrics;
    writer: () => SegmentWriter;
    /** Told how each sync ended that an append waited for. */
    onSynced: (failure: MillraceError | undefined) => void;
  }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#writer = options.writer;
    this.#onSynced = options.onSynced;
  }

  /** Settles the group's `synced` appends once what was written so far is on disk. */
  add(group: AppendGroup): void {
    this.#waiting.push(group);
    this.#start();
  }

  /** Syncs and closes a segment that is no longer written to. */
  retire(finished: OpenSegment): void {
    this.#finished.push(finished);
    this.#start();
  }

  /** Resolves when nothing is left to sync. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#finished.length > 0) {
      const groups = this.#waiting;
      const finished = this.#finished;
      this.#waiting = [];
      this.#finished = [];
      try {
        await this.#sync(finished, groups.length > 0);
        if (groups.length > 0) this.#onSynced(undefined);
        for (const group of groups) group.resolveSynced();
      } catch (error) {
        this.#metrics.failedSyncs.inc();
        this.#lastError = error;
        this.#failures.add(1, this.#clock.monotonicMs());
        // The kernel may have dropped the pages it could not write, and reports that once. New events go to a new file.
        this.#writer().finish();
        const failure = new MillraceError("journal_write_failed", "the events were written but not synced to disk", {
          cause: error,
        });
        // Those that came meanwhile were written to the same file, and a second sync of it would report success.
        const doubtful = [...groups, ...this.#waiting];
        this.#waiting = [];
        if (doubtful.length > 0) this.#onSynced(failure);
        for (const group of doubtful) group.rejectSynced(failure);
      }
      for (const { file } of finished) await this.#close(file);
    }
  }

  async #sync(finished: readonly OpenSegment[], withOpen: boolean): Promise<void> {
    const stop = this.#metrics.syncSeconds.startTimer();
    const open = withOpen ? this.#writer().open : undefined;
    const segments = open === undefined ? finished : [...finished, open];
    for (const { file } of segments) await file.datasync();
    const newest = segments.at(-1);
    if (newest !== this.#namedUpTo) await this.#disk.syncDirectory(this.#directory);
    this.#namedUpTo = newest;
    stop();
  }

  async #close(file: OpenSegment["file"]): Promise<void> {
    try {
      await file.close();
    } catch (error) {
      this.#log.warn({ err: error }, "a journal segment could not be closed");
    }
  }
}
