import { crc32 } from "node:zlib";
import type { CollectedEvent, Position } from "../core/event.ts";
import type { DiskReader } from "./disk.ts";
import {
  claimedChecksum,
  claimedFrameBytes,
  decodeFrame,
  FRAME_HEADER_BYTES,
  framePosition,
  isIntactFrame,
  MARKER,
} from "./frame.ts";

/** Read at a time; more only for a frame that is larger. */
const READ_BYTES = 1024 * 1024;

/**
 * Finds the good frames of a segment, in order, and steps over whatever lies between.
 *
 * Call `next` until it returns false, then `load`, until that returns false too; `each` does.
 * Memory is one read, or one frame that is larger, however long the file. Bytes of events are
 * views of it.
 */
export class FrameScanner {
  readonly #file: DiskReader;
  readonly #limit: () => number;
  readonly #below: () => Position;
  #chunk: Buffer = Buffer.alloc(0);
  /** Offset of the chunk in the file. */
  #chunkStart: number;
  /** Where in the chunk to look next. */
  #at = 0;
  /** How much must be in memory to go on. */
  #needed = FRAME_HEADER_BYTES;
  #frame: { start: number; bytes: number; position: Position };
  #goodEnd: number;
  #damagedBytes = 0;

  /**
   * @param from offset of a frame
   * @param range.limit where the good part of the file ends; may grow, frame by frame
   * @param range.first frames of a position below do not belong here
   * @param range.below frames of this position and above do not belong here
   */
  constructor(file: DiskReader, from: number, range: { limit: () => number; first: Position; below: () => Position }) {
    this.#file = file;
    this.#chunkStart = from;
    this.#goodEnd = from;
    this.#frame = { start: 0, bytes: 0, position: range.first - 1 };
    this.#limit = range.limit;
    this.#below = range.below;
  }

  /** Moves to the next good frame in memory. False when more must be loaded first. */
  next(): boolean {
    const limit = this.#limit();
    for (;;) {
      const room = this.#chunk.length - this.#at;
      this.#needed = FRAME_HEADER_BYTES;
      if (room < FRAME_HEADER_BYTES) return false;
      const offset = this.#chunkStart + this.#at;
      const bytes = claimedFrameBytes(this.#chunk, this.#at);
      if (bytes !== undefined && offset + bytes <= limit) {
        this.#needed = bytes;
        if (room < bytes) return false;
        if (this.#accept(bytes)) return true;
      }
      const found = this.#chunk.indexOf(MARKER, this.#at + 1);
      this.#at = found === -1 ? Math.max(this.#at + 1, this.#chunk.length - MARKER.length + 1) : found;
    }
  }

  #accept(bytes: number): boolean {
    if (!isIntactFrame(this.#chunk, this.#at, bytes)) return false;
    const position = framePosition(this.#chunk, this.#at);
    if (position <= this.#frame.position || position >= this.#below()) return false;
    const offset = this.#chunkStart + this.#at;
    this.#damagedBytes += offset - this.#goodEnd;
    this.#goodEnd = offset + bytes;
    this.#frame = { start: this.#at, bytes, position };
    this.#at += bytes;
    return true;
  }

  /** Goes through all good frames up to the end of the file. */
  async each(visit: () => void): Promise<void> {
    do {
      while (this.next()) visit();
    } while (await this.load());
  }

  /** Reads on. False at the end of the file. */
  async load(): Promise<boolean> {
    if (this.#needed > READ_BYTES && !(await this.#isWhole(this.#needed))) {
      // No frame begins here, however it looks: memory is not for what a damaged length claims.
      this.#at++;
      this.#needed = FRAME_HEADER_BYTES;
    }
    const offset = this.#chunkStart + this.#at;
    const left = this.#limit() - offset;
    if (left < this.#needed) return false;
    const buffer = Buffer.allocUnsafeSlow(Math.min(left, Math.max(READ_BYTES, this.#needed)));
    const bytes = await this.#file.read(buffer, offset);
    if (bytes < this.#needed) return false;
    this.#chunk = bytes < buffer.length ? buffer.subarray(0, bytes) : buffer;
    this.#chunkStart = offset;
    this.#at = 0;
    return true;
  }

  /** Whether the frame whose header comes next has the checksum that this names, read part by part. */
  async #isWhole(bytes: number): Promise<boolean> {
    const expected = claimedChecksum(this.#chunk, this.#at);
    const start = this.#chunkStart + this.#at;
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let checksum = 0;
    for (let at = FRAME_HEADER_BYTES; at < bytes; at += READ_BYTES) {
      const part = buffer.subarray(0, Math.min(READ_BYTES, bytes - at));
      if ((await this.#file.read(part, start + at)) < part.length) return false;
      checksum = crc32(part, checksum);
    }
    return checksum === expected;
  }

  /** Position of the frame that `next` has found. */
  get position(): Position {
    return this.#frame.position;
  }

  /** Its event. Only until the next `load`. */
  event(): CollectedEvent {
    return decodeFrame(this.#chunk, this.#frame.start, this.#frame.bytes);
  }

  /** The frame as it is on disk. Only until the next `load`. */
  raw(): Buffer {
    return this.#chunk.subarray(this.#frame.start, this.#frame.start + this.#frame.bytes);
  }

  /** Offset behind the last good frame. */
  get goodEnd(): number {
    return this.#goodEnd;
  }

  /** Bytes that were no good frame and lie before one that is. */
  get damagedBytes(): number {
    return this.#damagedBytes;
  }
}
