import { dirname, join } from "node:path";
import { type Disk, type DiskReader, errorCode } from "./disk.ts";

/** The least that disks and page caches read at a time: a bad spot spoils no more. */
const SECTOR_BYTES = 4_096;

/** Failed reads of one place after which its bad sectors count as damaged, if the disk reads anything else. */
export const BAD_AFTER_ATTEMPTS = 10;

/**
 * Reads a file on a disk with bad spots: once it is told to, it gives zeros for sectors that
 * cannot be read, as long as the disk reads anything else in the directory. When it reads
 * nothing that is an error still: it will perhaps be back, and nothing is lost by waiting.
 */
export class SectorReader implements DiskReader {
  /** Set once a read has failed so often that it will go on to. */
  skipsBadSectors = false;
  #hasBadSectors = false;
  readonly #file: DiskReader;
  readonly #disk: Disk;
  readonly #directory: string;

  private constructor(file: DiskReader, disk: Disk, directory: string) {
    this.#file = file;
    this.#disk = disk;
    this.#directory = directory;
  }

  static async open(disk: Disk, path: string): Promise<SectorReader> {
    return new SectorReader(await disk.open(path), disk, dirname(path));
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.#file.read(buffer, offset);
    } catch (error) {
      if (!this.skipsBadSectors || errorCode(error) !== "EIO" || !(await this.#diskReads())) throw error;
      const { bytes, anyBad } = await this.#readSectors(buffer, offset);
      // A disk that was there before and is not now has not said which sectors are bad.
      if (anyBad && !(await this.#diskReads())) throw error;
      this.#hasBadSectors ||= anyBad;
      return bytes;
    }
  }

  /** Whether it has given zeros for sectors. */
  get hasBadSectors(): boolean {
    return this.#hasBadSectors;
  }

  async #readSectors(buffer: Uint8Array, offset: number): Promise<{ bytes: number; anyBad: boolean }> {
    let anyBad = false;
    let end = 0;
    while (end < buffer.length) {
      const part = buffer.subarray(end, end + SECTOR_BYTES - ((offset + end) % SECTOR_BYTES));
      let bytes = part.length;
      try {
        bytes = await this.#file.read(part, offset + end);
      } catch (error) {
        if (errorCode(error) !== "EIO") throw error;
        part.fill(0);
        anyBad = true;
      }
      end += bytes;
      if (bytes < part.length) break;
    }
    return { bytes: end, anyBad };
  }

  /** Whether the start of any file of the directory can be read, be it this one. */
  async #diskReads(): Promise<boolean> {
    const probe = Buffer.alloc(1);
    for (const name of await this.#disk.list(this.#directory)) {
      try {
        const file = await this.#disk.open(join(this.#directory, name));
        try {
          if ((await file.read(probe, 0)) > 0) return true;
        } finally {
          await file.close();
        }
      } catch {
        // The next one, perhaps.
      }
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
