import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Disk, type DiskWriter, errorCode, isNoRoom, nodeDisk } from "./disk.ts";
import { slotDirectory } from "./slot-directory.ts";

/** A checkpoint takes about 150 bytes for each pair of a source and a sink. */
const RESERVE_BYTES = 1024 * 1024;

/** Written over and over. Random, so that a file system which compresses gives real room for it. */
const FILLING = randomBytes(64 * 1024);

/**
 * Room on a disk that nothing else is to fill, as a file of its own: with the journal's the
 * checkpoint can be saved on a full disk, and with that of the dead letters they can be
 * written. Without either nothing would ever be released, and the disk would stay full.
 *
 * Make one only while the slot's lock is held.
 */
export class DiskReserve {
  readonly #disk: Disk;
  readonly #path: string;
  /** How much room it is, once there is as much. */
  readonly size: number;
  #file: DiskWriter | undefined;
  #bytes = 0;
  #isLent = false;

  constructor(options: { config: { readonly dir: string }; slot: string; size?: number; disk?: Disk }) {
    this.size = options.size ?? RESERVE_BYTES;
    this.#disk = options.disk ?? nodeDisk;
    this.#path = join(slotDirectory(options.config, options.slot), "reserve");
  }

  get isHeld(): boolean {
    return this.#bytes > 0;
  }

  /**
   * Takes what is missing of the room, as far as there is any. False when the disk is too
   * full for it; a disk that fails otherwise is for those to report who write more than this.
   */
  hold(): boolean {
    if (this.#bytes >= this.size) return true;
    if (this.#isLent) return false;
    try {
      this.#file ??= this.#disk.createSync(this.#path);
      while (this.#bytes < this.size) {
        const taken = this.#file.writeSync(FILLING.subarray(0, this.size - this.#bytes), this.#bytes);
        if (taken === 0) return false;
        this.#bytes += taken;
      }
      return true;
    } catch (error) {
      return !isNoRoom(error);
    }
  }

  /**
   * Runs `write`, and when the disk has no room for it, once more with the reserve's. All in
   * one turn of the event loop: nothing else of this process gets at the room in between.
   */
  lend(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      // What an earlier process held may be there still, if it could not be opened so far.
      if (this.#bytes === 0) this.hold();
      if (this.#bytes === 0) throw error;
      this.#file?.truncateSync(0);
      this.#bytes = 0;
      write();
    } finally {
      this.hold();
    }
  }

  /** Runs `create` with the inode of the reserve's file, for a file system that has none left. Rejects with the disk's error. */
  async lendFile<T>(create: () => T): Promise<T> {
    this.#isLent = true;
    this.#bytes = 0;
    try {
      await this.close();
      await this.#disk.unlink(this.#path);
      return create();
    } finally {
      this.#isLent = false;
    }
  }

  /** Gives the room back, for a slot that nobody writes to any more. Rejects with the disk's error. */
  async remove(): Promise<void> {
    await this.close();
    this.#bytes = 0;
    await this.#disk.unlink(this.#path).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
    });
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}
