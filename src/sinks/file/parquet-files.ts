import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import type { Batch } from "../../core/sink.ts";
import { folderOf, type Hour } from "../../formats/hour-folders.ts";
import { ParquetEncoder } from "../../formats/parquet/parquet-encoder.ts";
import type { ParquetOptions } from "../../formats/parquet/parquet-file.ts";
import type { HourFiles } from "./hour-files.ts";
import { type FileName, partialName } from "./layout.ts";
import { PartialFile } from "./partial-file.ts";
import type { FinishedFile } from "./retention.ts";

export interface ParquetFilesOptions extends ParquetOptions {
  readonly dir: string;
  readonly writer: string;
  readonly sync: boolean;
  readonly onFinished: (file: FinishedFile) => Promise<void>;
}

/**
 * Files of Parquet, each with the events of one batch and hour. A file is written under a hidden name and gets its
 * final one before its events count as written; so what a crash leaves under a hidden name counts for nothing.
 */
export class ParquetFiles implements HourFiles {
  readonly #options: ParquetFilesOptions;
  readonly #encoder: ParquetEncoder;

  constructor(options: ParquetFilesOptions) {
    this.#options = options;
    this.#encoder = new ParquetEncoder({ compression: options.compression, columns: options.columns });
  }

  async write(hour: Hour, events: Batch, signal: AbortSignal): Promise<void> {
    const { dir, writer, sync, onFinished } = this.#options;
    const [first] = events;
    assert(first !== undefined, "an hour of a batch has an event");
    const encoded = await this.#encoder.encode(events, signal);
    const folder = path.join(dir, folderOf(hour));
    const name: FileName = {
      writer,
      firstPosition: first.position,
      uuid: randomUUID(),
      format: "parquet",
      compression: "none",
    };
    const file = await PartialFile.create(folder, name);
    try {
      await file.append(encoded, sync, signal);
      await file.finish({ sync });
    } catch (error) {
      await file.abandon();
      // Its events are sent again, in another file: in this one they would be there twice.
      await Promise.allSettled([
        rm(path.join(folder, partialName(name)), { force: true }),
        rm(file.finalPath, { force: true }),
      ]);
      throw error;
    }
    await onFinished({ path: file.finalPath, hour, bytes: file.bytes });
  }

  async finishAll(): Promise<void> {
    await this.#encoder.close();
  }
}
