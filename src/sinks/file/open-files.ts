import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import path from "node:path";
import type { Logger } from "pino";
import type { Timer } from "../../core/clock.ts";
import type { Batch } from "../../core/sink.ts";
import type { NdjsonFileSettings } from "./config.ts";
import { encodeLines } from "./encode.ts";
import { folderOf, type Hour } from "../../formats/hour-folders.ts";
import type { HourFiles } from "./hour-files.ts";
import { PartialFile } from "./partial-file.ts";
import type { FinishedFile } from "./retention.ts";

/** Files open at a time, one an hour. More than one or two only while a backlog is written. */
const MAX_OPEN = 16;
/** Files that could not be finished and are tried again. */
const MAX_UNFINISHED = 16;
const RETRY_FINISH_MS = 5_000;

export interface OpenFilesOptions {
  readonly settings: NdjsonFileSettings;
  readonly writer: string;
  /** Runs a job after a delay, never at the same time as another call of this object. */
  readonly later: (delayMs: number, job: () => Promise<void>) => Timer;
  readonly onFinished: (file: FinishedFile) => Promise<void>;
  readonly onFinishFailed: () => void;
  readonly log: Logger;
}

interface OpenFile {
  readonly hour: Hour;
  readonly file: PartialFile;
  readonly ageTimer: Timer;
}

/**
 * The files that are being written, one for each hour, and their rotation by size and age.
 */
export class OpenFiles implements HourFiles {
  readonly #options: OpenFilesOptions;
  readonly #open = new Map<Hour, OpenFile>();
  readonly #unfinished = new Map<PartialFile, Hour>();
  #retryTimer: Timer | undefined;

  constructor(options: OpenFilesOptions) {
    this.#options = options;
  }

  /**
   * Appends a batch to the file of its hour. After a rejection the next one of that hour gets a new file.
   */
  async write(hour: Hour, events: Batch, signal: AbortSignal): Promise<void> {
    const { compression, sync } = this.#options.settings;
    const [first] = events;
    assert(first !== undefined, "an hour of a batch has an event");
    const lines = await encodeLines(events, compression);
    const open = await this.#fileFor(hour, first.position, lines.length);
    try {
      await open.file.append(lines, sync, signal);
    } catch (error) {
      await this.#rotate(open);
      throw error;
    }
  }

  /** Finishes every file. What cannot be finished keeps its hidden name, for the next start to find. */
  async finishAll(): Promise<void> {
    for (const open of this.#open.values()) await this.#rotate(open);
    await this.#retryUnfinished();
    this.#retryTimer?.cancel();
    for (const file of this.#unfinished.keys()) await this.#abandon(file);
  }

  async #fileFor(hour: Hour, firstPosition: number, bytes: number): Promise<OpenFile> {
    const { settings, writer, later } = this.#options;
    const open = this.#open.get(hour);
    if (open !== undefined && open.file.bytes + bytes <= settings.fileBytes) return open;
    if (open !== undefined) await this.#rotate(open);
    const [oldest] = this.#open.values();
    if (oldest !== undefined && this.#open.size >= MAX_OPEN) await this.#rotate(oldest);

    const name = {
      writer,
      firstPosition,
      uuid: randomUUID(),
      format: "ndjson",
      compression: settings.compression,
    } as const;
    const file = await PartialFile.create(path.join(settings.dir, folderOf(hour)), name);
    const created: OpenFile = { hour, file, ageTimer: later(settings.fileAgeMs, () => this.#rotate(created)) };
    this.#open.set(hour, created);
    return created;
  }

  async #rotate(open: OpenFile): Promise<void> {
    // The age timer may have been waiting for its turn while the file was finished for its size.
    if (this.#open.get(open.hour) !== open) return;
    this.#open.delete(open.hour);
    open.ageTimer.cancel();
    await this.#finish(open.file, open.hour);
  }

  async #finish(file: PartialFile, hour: Hour): Promise<void> {
    try {
      await file.finish();
    } catch (error) {
      await this.#keepUnfinished(file, hour, error);
      return;
    }
    this.#unfinished.delete(file);
    if (file.bytes > 0) await this.#options.onFinished({ path: file.finalPath, hour, bytes: file.bytes });
  }

  /** What the file holds is delivered and safe; only its final name is missing. */
  async #keepUnfinished(file: PartialFile, hour: Hour, error: unknown): Promise<void> {
    const { log, later, onFinishFailed } = this.#options;
    onFinishFailed();
    if (await file.isDeleted()) {
      if (file.bytes > 0)
        log.error({ bytes: file.bytes }, "a file was deleted before it was finished; its events are gone");
      this.#unfinished.delete(file);
      await file.abandon();
      return;
    }
    if (!this.#unfinished.has(file)) log.error({ err: error }, "a file could not be finished; trying again");
    this.#unfinished.set(file, hour);
    const [oldest] = this.#unfinished.keys();
    if (oldest !== undefined && this.#unfinished.size > MAX_UNFINISHED) await this.#abandon(oldest);
    this.#retryTimer ??= later(RETRY_FINISH_MS, () => this.#retryUnfinished());
  }

  async #retryUnfinished(): Promise<void> {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    for (const [file, hour] of this.#unfinished) await this.#finish(file, hour);
  }

  async #abandon(file: PartialFile): Promise<void> {
    this.#unfinished.delete(file);
    this.#options.log.error("a file could not be finished and keeps its hidden name; the next start tries again");
    await file.abandon();
  }
}
