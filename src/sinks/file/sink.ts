import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock, Timer } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { type Hour, hourOf } from "../../formats/hour-folders.ts";
import { ndjsonBytes } from "../../formats/ndjson.ts";
import { SerialQueue } from "../serial-queue.ts";
import { batchLimits, type FileSinkConfig, ndjsonSettings, parquetCompressionOf } from "./config.ts";
import { createFolder } from "./durable-folder.ts";
import type { HourFiles } from "./hour-files.ts";
import { Housekeeping, orphansOf } from "./housekeeping.ts";
import { createFileSinkMetrics } from "./metrics.ts";
import { OpenFiles } from "./open-files.ts";
import { ParquetFiles } from "./parquet-files.ts";
import { reasonOf, receiptOf } from "./response.ts";
import type { FinishedFile } from "./retention.ts";

const RETENTION_EVERY_MS = 60_000;

/** How often it is looked for files that are nobody's any more. */
const ADOPT_EVERY_MS = 3_600_000;

/** The slot that every node has. */
const FIRST_SLOT = "0";

export interface FileSinkContext {
  /** Node and slot are part of every file's name: together they must be unique among those that share a directory. */
  readonly node: string;
  readonly slot: string;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly log: Logger;
}

export function createFileSink(config: FileSinkConfig, context: FileSinkContext): Sink {
  return new FileSink(config, context);
}

/**
 * Files by day and hour: `dt=2026-11-23/hour=07/<node>-<slot>-<position>-<uuid>.ndjson`, or `.parquet`.
 *
 * A delivered event is in a file, and with `sync` on the disk. A file of NDJSON may still have its hidden
 * name: it gets the final one when it is finished, here or, after a crash, at the next start.
 *
 * It looks only at files of its own node and slot, and never takes a path from an event.
 */
class FileSink implements Sink {
  readonly name: string;
  readonly type = "file";
  readonly limits: BatchLimits;
  readonly #config: FileSinkConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #housekeeping: Housekeeping;
  readonly #files: HourFiles;
  /** Everything that touches the files goes through it. */
  readonly #queue = new SerialQueue();
  #retentionTimer: Timer | undefined;
  /** By the monotonic clock. */
  #adoptMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(config: FileSinkConfig, context: FileSinkContext) {
    this.name = config.name;
    this.limits = batchLimits(config);
    this.#config = { ...config, dir: path.resolve(config.dir) };
    this.#clock = context.clock;
    this.#log = context.log;
    const metrics = createFileSinkMetrics(context.registry);
    const writer = `${context.node}-${context.slot}`;
    this.#housekeeping = new Housekeeping({
      sink: this.name,
      dir: this.#config.dir,
      writer,
      orphans: context.slot === FIRST_SLOT ? orphansOf(context.node) : undefined,
      retention: config.retention,
      metrics,
      log: this.#log,
    });
    const onFinished = (file: FinishedFile) => {
      metrics.finished.inc({ sink: this.name });
      return this.#housekeeping.finished(file, this.#clock.nowMs());
    };
    this.#files =
      config.format === "parquet"
        ? new ParquetFiles({
            ...this.#config,
            writer,
            compression: parquetCompressionOf(config),
            onFinished,
          })
        : new OpenFiles({
            settings: ndjsonSettings(this.#config),
            writer,
            later: (delayMs, job) => this.#later(delayMs, job),
            onFinished,
            onFinishFailed: () => metrics.finishFailures.inc({ sink: this.name }),
            log: this.#log,
          });
    void this.#queue.run(() => this.#start());
  }

  eventBytes(event: CollectedEvent): number {
    return ndjsonBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (this.#closed) return { kind: "retryable", reason: "the sink is closed" };
    if (batch.length === 0) return { kind: "delivered" };
    try {
      return await this.#queue.run(() => this.#deliver(batch, signal), signal);
    } catch (error) {
      if (signal.aborted) return { kind: "retryable", reason: "aborted" };
      throw error;
    }
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    const probe = path.join(this.#config.dir, `.millrace-check-${randomUUID()}`);
    try {
      await createFolder(this.#config.dir);
      await writeFile(probe, "", { flag: "wx", signal });
      await rm(probe);
      return [];
    } catch (error) {
      const reason = signal.aborted ? "it did not answer in time" : reasonOf(error);
      return [
        `Sink ${this.name} cannot write to ${this.#config.dir} (${reason}). Make it writable, or set another dir.`,
      ];
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retentionTimer?.cancel();
    try {
      await this.#queue.run(() => this.#files.finishAll(), AbortSignal.timeout(this.#config.timeoutMs));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.#log.error("the disk did not answer in time; the next start finishes the files that are open");
    }
  }

  async #start(): Promise<void> {
    try {
      await this.#housekeeping.recover();
    } catch (error) {
      this.#log.error({ err: error }, "the sink's directory cannot be read; trying again with the next batch");
    }
    if (this.#housekeeping.deletes) await this.#deleteRegularly();
  }

  /** Files grow too old also while none is finished. */
  async #deleteRegularly(): Promise<void> {
    if (this.#clock.monotonicMs() >= this.#adoptMs) await this.#adopt();
    await this.#housekeeping.deleteExpired(this.#clock.nowMs());
    if (!this.#closed) this.#retentionTimer = this.#later(RETENTION_EVERY_MS, () => this.#deleteRegularly());
  }

  async #adopt(): Promise<void> {
    this.#adoptMs = this.#clock.monotonicMs() + ADOPT_EVERY_MS;
    try {
      await this.#housekeeping.adopt();
    } catch (error) {
      this.#log.error({ err: error }, "the sink's directory cannot be read; what others left is looked for in an hour");
    }
  }

  #later(delayMs: number, job: () => Promise<void>): Timer {
    return this.#clock.after(delayMs, () => void this.#queue.run(job));
  }

  async #deliver(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    try {
      await this.#housekeeping.recover();
    } catch (error) {
      return { kind: "retryable", reason: reasonOf(error) };
    }
    const failures = new Map<Hour, string>();
    for (const [hour, events] of byHour(batch)) {
      try {
        signal.throwIfAborted();
        await this.#files.write(hour, events, signal);
      } catch (error) {
        failures.set(hour, signal.aborted ? "aborted" : reasonOf(error));
      }
    }
    return receiptOf(batch, failures);
  }
}

/** Nearly always one group: two when the hour turns, more while a backlog is written. */
function byHour(batch: Batch): Map<Hour, CollectedEvent[]> {
  const groups = new Map<Hour, CollectedEvent[]>();
  let current: CollectedEvent[] = [];
  let currentHour: Hour | undefined;
  for (const event of batch) {
    const hour = hourOf(event.receivedMs);
    if (hour !== currentHour) {
      current = groups.get(hour) ?? [];
      groups.set(hour, current);
      currentHour = hour;
    }
    current.push(event);
  }
  return groups;
}
