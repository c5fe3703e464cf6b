import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";
import type { Position } from "../core/event.ts";
import { type Disk, errorCode, isNoRoom, readText, writeAndSync } from "./disk.ts";
import type { DiskReserve } from "./disk-reserve.ts";

export const POSITIONS_NAME = "positions.json";

/**
 * Positions left free after an end that was not clean: more than can have been given out and
 * lost. A power cut takes what was not synced; at 31 bytes for the smallest record, as many
 * as this would be 31 GB of it. There is room for nine million such ends.
 */
export const POSITION_GAP = 1_000_000_000;

/**
 * Left free when the note cannot be read, since a process was killed as it wrote it, say. Of
 * the starts before nothing is known then but what a power cut has left of segments and
 * checkpoint: this covers a thousand of them, each with a gap of its own.
 */
const UNKNOWN_GAP = 1_000 * POSITION_GAP;

/** Above this the file is not to be believed: it leaves room for millions of gaps below what numbers hold exactly. */
const MAX_POSITION = 2 ** 52;

const fileSchema = z.strictObject({
  version: z.literal(1),
  next: z.int().min(0).max(MAX_POSITION),
  clean: z.boolean(),
});

/** What an earlier process noted about a slot. */
export interface PositionsNote {
  /** The lowest position that the next process may use; of an end that was not clean, that which it could use itself. */
  readonly next: Position;
  /** Whether the process ended with everything synced. */
  readonly clean: boolean;
}

/**
 * `positions.json`: from where on positions are free, so that none is used twice.
 *
 * Events are seen by sinks, and their senders have receipts, before they are synced. After a
 * power cut neither the segments nor the checkpoint may know of the newest. So a process
 * notes that it has begun before it uses a position, and that all is synced when it ends; one
 * that finds no such end leaves a gap.
 */
export class PositionsFile {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #path: string;
  readonly #reserve: DiskReserve | undefined;
  readonly #log: Logger;
  /** What a full disk has kept from being written. */
  #owed: PositionsNote | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: { disk: Disk; directory: string; reserve: DiskReserve | undefined; log: Logger }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#path = join(options.directory, POSITIONS_NAME);
    this.#reserve = options.reserve;
    this.#log = options.log;
  }

  /**
   * Begins to use positions, and returns the first. Rejects with the disk's error when that
   * cannot be noted, except on a full disk: then they must not be used until `isNoted`.
   *
   * @param known every position that the slot's files tell of is below
   * @param inDoubt whether there are files that could not be read
   */
  async begin(known: Position, inDoubt: boolean): Promise<Position> {
    const note = await readPositionsNote(this.#disk, this.#directory);
    const isNew = note === undefined && known === 0 && !inDoubt;
    const next = Math.max(known, typeof note === "object" ? note.next : 0);
    const isClean = typeof note === "object" && note.clean && !inDoubt;
    const gap = note === "damaged" ? UNKNOWN_GAP : POSITION_GAP;
    const first = isNew || isClean ? next : next + gap;
    try {
      await this.#write({ next: first, clean: false });
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      this.#owed = { next: first, clean: false };
    }
    return first;
  }

  /** Whether positions may be used. As long as they may not, asking tries again, in the background. */
  isNoted(): boolean {
    if (this.#owed === undefined) return true;
    this.#writing ??= this.#writeOwed(this.#owed).finally(() => {
      this.#writing = undefined;
    });
    return false;
  }

  async #writeOwed(note: PositionsNote): Promise<void> {
    try {
      await this.#write(note);
      this.#owed = undefined;
    } catch {
      // There is still no room. That events are refused for it is said by those who refuse them.
    }
  }

  /** Notes that all below `next` is synced. Never rejects: without the note the next start leaves a gap. */
  async end(next: Position): Promise<void> {
    await this.#writing;
    try {
      await this.#write({ next, clean: true });
    } catch (error) {
      this.#log.warn(
        { err: error },
        "the end of the journal could not be noted: the next start leaves a gap in the positions",
      );
    }
  }

  /** In place: on a disk that is full, or has no inodes left, a new file could not be made. A torn one counts as not clean. */
  async #write(note: PositionsNote): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify({ version: 1, ...note })}\n`);
    await writeAndSync(this.#disk.createSync(this.#path), bytes, this.#reserve);
    await this.#disk.syncDirectory(this.#directory);
  }
}

/** `undefined` when there is none, as in a slot that was never used; `damaged` when it cannot be understood. */
export async function readPositionsNote(disk: Disk, directory: string): Promise<PositionsNote | "damaged" | undefined> {
  let text: string;
  try {
    text = await readText(disk, join(directory, POSITIONS_NAME));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    if (errorCode(error) === "EIO") return "damaged";
    throw error;
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    return "damaged";
  }
}
