import assert from "node:assert/strict";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { createFolder, syncFolder } from "./durable-folder.ts";
import { type FileName, finalName, partialName } from "./layout.ts";

/**
 * A file that is written to under a hidden name, and gets its final name once it is
 * complete and on the disk.
 *
 * States: open, until an append fails or `finish` is called; then only finishing, which
 * may be tried again until it succeeds or the file is abandoned.
 *
 * Invariant: the first `bytes` of the file are whole batches, each confirmed to its caller.
 * Whatever is beyond them is cut off before the file gets its final name.
 */
export class PartialFile {
  readonly finalPath: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  #bytes: number;
  /** There may be bytes beyond `#bytes`. */
  #tornTail = false;
  #synced = true;
  #renamed = false;

  private constructor(handle: FileHandle, folder: string, name: FileName, bytes: number) {
    this.#handle = handle;
    this.#path = path.join(folder, partialName(name));
    this.finalPath = path.join(folder, finalName(name));
    this.#bytes = bytes;
  }

  static async create(folder: string, name: FileName): Promise<PartialFile> {
    await createFolder(folder);
    const handle = await open(path.join(folder, partialName(name)), "wx");
    const file = new PartialFile(handle, folder, name, 0);
    try {
      await syncFolder(folder);
    } catch (error) {
      await file.finish().catch(() => file.abandon());
      throw error;
    }
    return file;
  }

  /** Takes over a file of which only the first `bytes` are to be kept. */
  static adopt(handle: FileHandle, folder: string, name: FileName, bytes: number): PartialFile {
    const file = new PartialFile(handle, folder, name, bytes);
    file.#tornTail = true;
    return file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends one batch; once it resolves the batch is in the file, at the file's path, and
   * with `sync` on the disk. After a failure, or an abort, the batch does not count as written and the file
   * takes no more: a failed sync may have lost pages that a second one would report as
   * written, so only what was confirmed before can be trusted.
   */
  async append(batch: Uint8Array, sync: boolean, signal: AbortSignal): Promise<void> {
    assert(!this.#tornTail, "a file takes no more after a failed append");
    this.#tornTail = true;
    let written = 0;
    while (written < batch.length) {
      const end = this.#bytes + written;
      written += (await this.#handle.write(batch, written, batch.length - written, end)).bytesWritten;
    }
    if (sync) await this.#handle.datasync();
    else this.#synced = false;
    await this.#assertInPlace();
    signal.throwIfAborted();
    this.#bytes += batch.length;
    this.#tornTail = false;
  }

  /** Someone may have deleted or moved the file or a folder above it; writing to it would still succeed. */
  async #assertInPlace(): Promise<void> {
    const [ours, there] = await Promise.all([this.#handle.stat({ bigint: true }), stat(this.#path, { bigint: true })]);
    if (ours.ino === there.ino && ours.dev === there.dev) return;
    throw Object.assign(new Error("another file has taken the place of this one"), { code: "ENOENT", syscall: "stat" });
  }

  /**
   * Gives the file its final name, on the disk, and closes it; a file without a batch is deleted instead.
   * After a rejection it can be called again.
   *
   * @param options.sync whether to see to it that file and name are on the disk
   */
  async finish({ sync = true }: { sync?: boolean } = {}): Promise<void> {
    if (this.#tornTail) {
      await this.#handle.truncate(this.#bytes);
      this.#synced = false;
    }
    if (this.#bytes === 0) {
      await rm(this.#path, { force: true });
      await this.abandon();
      return;
    }
    if (sync && !this.#synced) await this.#handle.sync();
    this.#synced ||= sync;
    if (!this.#renamed) await rename(this.#path, this.finalPath);
    this.#renamed = true;
    if (sync) await syncFolder(path.dirname(this.finalPath));
    await this.abandon();
  }

  /** Whether someone has deleted the file, so that nothing is left to finish. */
  async isDeleted(): Promise<boolean> {
    try {
      return (await this.#handle.stat()).nlink === 0;
    } catch {
      return false;
    }
  }

  /** Lets go of the file as it is. If it still has its hidden name, the next start finishes it. */
  async abandon(): Promise<void> {
    // A failure to close says nothing new: what counts was synced before.
    await this.#handle.close().catch(() => {});
  }
}
