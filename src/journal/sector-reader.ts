import { type DiskReader, errorCode } from "./disk.ts";

/** The least that disks and page caches read at a time: a bad spot spoils no more. */
const SECTOR_BYTES = 4_096;

/**
 * Reads a file on a disk with bad spots: once it is told to, it gives zeros for sectors that
 * cannot be read, as long as others near them can. Those which no one can read near them are
 * an error still: a disk that reads nothing will perhaps be back, and nothing is lost by waiting.
 */
export class SectorReader implements DiskReader {
  /** Set once a read has failed so often that it will go on to. */
  skipsBadSectors = false;
  readonly #file: DiskReader;

  constructor(file: DiskReader) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.#file.read(buffer, offset);
    } catch (error) {
      if (!this.skipsBadSectors || errorCode(error) !== "EIO") throw error;
      const bytes = await this.#readAround(buffer, offset);
      if (bytes === undefined) throw error;
      return bytes;
    }
  }

  /** `undefined` when no sector could be read. */
  async #readAround(buffer: Uint8Array, offset: number): Promise<number | undefined> {
    let anyRead = false;
    let end = 0;
    while (end < buffer.length) {
      const part = buffer.subarray(end, end + SECTOR_BYTES - ((offset + end) % SECTOR_BYTES));
      let bytes = part.length;
      try {
        bytes = await this.#file.read(part, offset + end);
        anyRead ||= bytes > 0;
      } catch (error) {
        if (errorCode(error) !== "EIO") throw error;
        part.fill(0);
      }
      end += bytes;
      if (bytes < part.length) break;
    }
    return anyRead || (await this.#readsNear(offset, offset + end)) ? end : undefined;
  }

  /** Whether the disk reads what lies around a part of the file: all of that may be one bad sector. */
  async #readsNear(from: number, to: number): Promise<boolean> {
    const probe = Buffer.alloc(1);
    const before = Math.floor(from / SECTOR_BYTES) * SECTOR_BYTES - 1;
    const after = Math.ceil(to / SECTOR_BYTES) * SECTOR_BYTES;
    for (const offset of [before, after]) {
      try {
        if (offset >= 0 && (await this.#file.read(probe, offset)) > 0) return true;
      } catch (error) {
        if (errorCode(error) !== "EIO") throw error;
      }
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
