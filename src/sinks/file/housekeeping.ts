import { rmdir, stat, unlink } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "pino";
import type { FileSinkMetrics } from "./metrics.ts";
import { type OwnFile, ownFiles } from "./own-files.ts";
import { recoverPartial } from "./recover-partial.ts";
import { type FinishedFile, Retention } from "./retention.ts";

export interface HousekeepingOptions {
  readonly sink: string;
  readonly dir: string;
  readonly writer: string;
  /** Whose files nobody else may look after any more: see `Housekeeping.adopt`. */
  readonly orphans?: Orphans | undefined;
  readonly retention: { readonly maxAgeMs: number; readonly maxBytes: number };
  readonly metrics: FileSinkMetrics;
  readonly log: Logger;
}

/** Writers of this node, by what stands in the names of their files. */
export interface Orphans {
  /** Other slots: served by others now, or not any more. */
  readonly slots: RegExp;
  /** Replays, which end. */
  readonly replays: RegExp;
}

/** Node names are not patterns. */
export function orphansOf(node: string): Orphans {
  const name = node.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return { slots: new RegExp(`^${name}-\\d+$`), replays: new RegExp(`^${name}-replay-`) };
}

/**
 * Looks after the files that are not being written: finishes those a crashed predecessor left,
 * and deletes those that retention no longer wants.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #retention: Retention;
  /** Of other slots: these count their bytes themselves, as long as they are served. */
  readonly #others: Retention;
  #adopted: ReadonlySet<string> = new Set();
  #recovered = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#retention = new Retention(options.retention);
    this.#others = new Retention({ ...options.retention, maxBytes: 0 });
  }

  /** Whether there is anything for `deleteExpired` to do, ever. */
  get deletes(): boolean {
    return this.#retention.isLimited;
  }

  /** A file got its final name; older ones may have to make room. */
  async finished(file: FinishedFile, nowMs: number): Promise<void> {
    this.#retention.add(file);
    await this.deleteExpired(nowMs);
  }

  /** Does its work once; later calls return at once. Rejects if the directory cannot be read, and may then be called again. */
  async recover(): Promise<void> {
    if (this.#recovered) return;
    const finished: FinishedFile[] = [];
    for await (const { folder, file, hour, name, partial } of ownFiles(this.#options.dir, this.#options.writer)) {
      if (partial) {
        const recovered = await this.#recoverOne({ folder, file, name });
        if (recovered !== undefined) finished.push({ ...recovered, hour });
      } else if (this.deletes) {
        const filePath = path.join(folder, file);
        finished.push({ path: filePath, hour, bytes: (await stat(filePath)).size });
      }
    }
    for (const file of finished) this.#retention.add(file);
    this.#recovered = true;
  }

  async #recoverOne(
    left: Pick<OwnFile, "folder" | "file" | "name">,
  ): Promise<{ path: string; bytes: number } | undefined> {
    const { sink, metrics, log } = this.#options;
    try {
      const { path: finalPath, keptBytes, cutBytes } = await recoverPartial(left);
      if (keptBytes === 0) {
        log.warn({ file: finalPath, cutBytes }, "deleted a file that a crash had left, without a batch that counted");
        return undefined;
      }
      log.warn({ file: finalPath, keptBytes, cutBytes }, "finished a file that a crash had left");
      metrics.recovered.inc({ sink });
      return { path: finalPath, bytes: keptBytes };
    } catch (error) {
      // It stays as it is; the others, and what is still to come, must not wait for it.
      log.error({ err: error }, "a file that a crash had left could not be finished; the next start tries again");
      return undefined;
    }
  }

  /**
   * Takes note of finished files that nobody else may look after: those of replays as if they were its own, those of
   * other slots by age only. To be called now and then; rejects if the directory cannot be read.
   */
  async adopt(): Promise<void> {
    const { dir, writer, orphans } = this.#options;
    if (orphans === undefined || !this.deletes) return;
    const found = new Set<string>();
    for (const [owners, retention] of [
      [orphans.slots, this.#others],
      [orphans.replays, this.#retention],
    ] as const) {
      for await (const { folder, file, hour, name, partial } of ownFiles(dir, owners)) {
        if (partial || name.writer === writer) continue;
        const filePath = path.join(folder, file);
        found.add(filePath);
        if (this.#adopted.has(filePath)) continue;
        const size = await stat(filePath).catch(() => undefined);
        if (size !== undefined) retention.add({ path: filePath, hour, bytes: size.size });
      }
    }
    this.#adopted = found;
  }

  async deleteExpired(nowMs: number): Promise<void> {
    await this.#deleteDue(this.#retention, nowMs);
    await this.#deleteDue(this.#others, nowMs);
  }

  async #deleteDue(retention: Retention, nowMs: number): Promise<void> {
    const { sink, metrics, log } = this.#options;
    for (const { file, reason } of retention.takeDue(nowMs)) {
      try {
        await unlink(file.path);
        metrics.deleted.inc({ sink, reason });
        await removeEmptyFolders(file.path);
      } catch (error) {
        if (isMissing(error)) continue;
        retention.add(file);
        log.error({ err: error, reason }, "retention could not delete a file; trying again");
      }
    }
  }
}

/** The folders of the hour and the day, if the file was their last. */
async function removeEmptyFolders(file: string): Promise<void> {
  const hourFolder = path.dirname(file);
  try {
    await rmdir(hourFolder);
    await rmdir(path.dirname(hourFolder));
  } catch {
    // Not empty, or in use: it can stay.
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
