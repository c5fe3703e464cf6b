import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Position } from "../core/event.ts";
import { type Disk, errorCode } from "./disk.ts";
import { modifiedAt } from "./file-age.ts";
import { MIN_FRAME_BYTES } from "./frame.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { salvageInto } from "./salvage.ts";
import { BAD_AFTER_ATTEMPTS, SectorReader } from "./sector-reader.ts";
import {
  COPY_SUFFIX,
  firstOfSegmentName,
  type HeaderState,
  inspectHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from "./segment-header.ts";
import type { Segment } from "./segment-list.ts";
import { asideNumber, DAMAGED_DIRECTORY, listAside, setAside, setAsideOrRename } from "./set-aside.ts";

/** Rescued segments kept for a look. One is about an eighth of the journal's budget at most, so they take half of it. */
const MAX_RESCUED_FILES = 4;
const RESCUED_SUFFIX = ".rescued";

/** Wait before a failed read is tried again: a disk that comes back within seconds has lost nothing. */
const READ_AGAIN_MS = 300;

/** How reading fails that is a directory, or a link to nowhere. */
const NOT_A_FILE: ReadonlySet<string> = new Set(["EISDIR", "ENOENT", "ELOOP"]);

/** What a start found, and did about it. */
export interface Recovery {
  /** Bytes of an unfinished write cut off the end. Not a loss: it was never acknowledged, unless the power failed. */
  readonly truncatedBytes: number;
  /** Segments with damage before their end, or that the disk cannot read, moved to `damaged/`. */
  readonly damagedSegments: number;
  /** Events of those that were saved. */
  readonly salvagedEvents: number;
  /** Files moved to `damaged/`, or left out, because they are not segments of a version that is known. */
  readonly foreignFiles: number;
}

const NOTHING_RECOVERED: Recovery = {
  truncatedBytes: 0,
  damagedSegments: 0,
  salvagedEvents: 0,
  foreignFiles: 0,
};

/** The journal as it is on disk. */
export interface RecoveredSegments {
  readonly segments: Segment[];
  /** Those of them of which a power cut may take anything, since a sync failed. */
  readonly unsynced: readonly Segment[];
  /** One past the newest event. */
  readonly end: Position;
  /** Above every position that may ever have been used, as far as the files tell. */
  readonly next: Position;
  readonly recovery: Recovery;
}

/**
 * Finds out what the journal of a slot holds and makes it fit to go on from.
 *
 * Headers are checked everywhere. Frames are checked in the newest segment only, since
 * its end has to be found; readers step over damage in the others when they get there.
 * What it keeps is on disk from then on, but for what it says is unsynced. It never refuses to start over what it finds: only a directory that cannot be read or
 * written at all is an error.
 */
export class SlotRecovery {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #segments: Segment[] = [];
  readonly #unsynced: Segment[] = [];
  readonly #found: { -readonly [Key in keyof Recovery]: Recovery[Key] } = { ...NOTHING_RECOVERED };
  #end: Position = 0;
  #next: Position = 0;

  constructor(options: { disk: Disk; directory: string; clock: Clock; log: Logger }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  async run(): Promise<RecoveredSegments> {
    const firsts = await this.#findSegments();
    for (const first of firsts) {
      this.#end = Math.max(this.#end, first);
      await this.#inspect(first, first === firsts.at(-1));
    }
    await this.#disk.syncDirectory(this.#directory);
    for (const [at, segment] of this.#segments.entries()) segment.end = this.#segments[at + 1]?.first ?? this.#end;
    const { damagedSegments, foreignFiles, truncatedBytes } = this.#found;
    if (damagedSegments > 0) await this.#discardRescued();
    if (damagedSegments > 0 || foreignFiles > 0)
      this.#log.warn(
        { directory: this.#directory, ...this.#found },
        "the journal was damaged; what could be read was saved, and the damaged files are in damaged/",
      );
    else if (truncatedBytes > 0)
      this.#log.info({ truncatedBytes }, "cut an unfinished write off the end of the journal");
    const unsynced = this.#unsynced;
    return {
      segments: this.#segments,
      unsynced,
      end: this.#end,
      next: Math.max(this.#end, this.#next),
      recovery: this.#found,
    };
  }

  /** First positions in order. Also finishes a rescue that a crash interrupted. */
  async #findSegments(): Promise<Position[]> {
    const names = new Set(await this.#disk.list(this.#directory));
    for (const name of names) {
      if (!name.endsWith(COPY_SUFFIX)) continue;
      const target = name.slice(0, -COPY_SUFFIX.length);
      // A segment is moved away only once its copy is complete. One that was deleted from outside is better in part than not at all.
      if (names.has(target)) await this.#disk.unlink(join(this.#directory, name));
      else await this.#disk.rename(join(this.#directory, name), join(this.#directory, target));
      names.add(target);
    }
    const firsts: Position[] = [];
    for (const name of names) {
      const first = firstOfSegmentName(name);
      if (first !== undefined) firsts.push(first);
      else if (name.endsWith(".seg")) await this.#setAsideForeign(join(this.#directory, name));
    }
    return firsts.toSorted((a, b) => a - b);
  }

  async #inspect(first: Position, newest: boolean): Promise<void> {
    const path = join(this.#directory, segmentName(first));
    try {
      const { bytes, modifiedMs } = await this.#disk.stat(path);
      const closedMs = modifiedAt(this.#clock, modifiedMs);
      const segment: Segment = { first, end: first, path, bytes, closedMs, index: [] };
      const file = await this.#patiently(segment, () => SectorReader.open(this.#disk, path));
      try {
        await this.#inspectFile(segment, file, newest);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!NOT_A_FILE.has(errorCode(error) ?? "")) throw error;
      await this.#setAsideForeign(path);
    }
  }

  async #inspectFile(segment: Segment, file: SectorReader, newest: boolean): Promise<void> {
    const { path, bytes } = segment;
    switch (await this.#headerState(segment, file)) {
      case "newer":
        this.#log.error(
          { segment: path },
          "a journal segment is of a newer version of Millrace and was moved away; to have it delivered, start the newer version with it in a directory of its own below journal.dir",
        );
        await this.#setAsideForeign(path);
        break;
      case "foreign":
        await this.#setAsideForeign(path);
        break;
      case "damaged":
        // A crash while the segment was created leaves less than a header, and nothing is lost with it.
        if (bytes <= SEGMENT_HEADER_BYTES) await this.#keep(segment, bytes);
        else await this.#findEnd(segment, file, true);
        break;
      case "ok":
        if (newest) await this.#findEnd(segment, file, false);
        else await this.#keep(segment, bytes);
        break;
    }
  }

  async #headerState(segment: Segment, file: SectorReader): Promise<HeaderState> {
    const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const bytes = await this.#patiently(segment, () => file.read(header, 0), file);
    return inspectHeader(header.subarray(0, bytes), segment.first);
  }

  /** Scans the whole segment: where it ends, and whether there is damage before that. */
  async #findEnd(segment: Segment, file: SectorReader, headerIsDamaged: boolean): Promise<void> {
    const scan = await this.#patiently(segment, () => scanAll(file, segment), file);
    this.#end = scan.last + 1;
    const tornBytes = segment.bytes - scan.goodEnd;
    // After a power cut, these may have been events that someone saw. Their positions are not used again.
    this.#next = Math.max(this.#next, this.#end + Math.ceil(tornBytes / MIN_FRAME_BYTES));
    // Behind a bad sector there may be more than a torn write: that is not cut off, but kept in damaged/.
    if (headerIsDamaged || scan.damagedBytes > 0 || file.hasBadSectors) await this.#rescue(segment, file);
    else await this.#keep(segment, scan.goodEnd);
  }

  /** Tries again what the disk fails to read, in the end around bad sectors. Rejects when it reads nothing else either. */
  async #patiently<T>(segment: Segment, read: () => Promise<T>, file?: SectorReader): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read();
      } catch (error) {
        if (errorCode(error) !== "EIO" || attempt === BAD_AFTER_ATTEMPTS) throw error;
        this.#log.warn({ err: error, segment: segment.path }, "a journal segment cannot be read; trying again");
        if (file !== undefined && attempt + 1 === BAD_AFTER_ATTEMPTS) file.skipsBadSectors = true;
        await new Promise<void>((resolve) => this.#clock.after(READ_AGAIN_MS, resolve));
      }
    }
  }

  /**
   * Cuts off what is torn, and has the rest on disk: of what an earlier process wrote, or cut
   * off, some may be so in memory only, and a power cut would take it, or bring it back.
   */
  async #keep(segment: Segment, goodEnd: number): Promise<void> {
    const tornBytes = segment.bytes - goodEnd;
    const kept = { ...segment, bytes: goodEnd };
    this.#segments.push(kept);
    this.#found.truncatedBytes += tornBytes;
    try {
      if (tornBytes > 0) await this.#disk.truncate(segment.path, goodEnd);
      else await this.#disk.datasync(segment.path);
    } catch (error) {
      this.#log.warn(
        { err: error, segment: segment.path, tornBytes },
        "a journal segment could not be cut off and synced; it is written again, and a torn end is ignored",
      );
      // A second sync would report success, whatever is on disk.
      if (goodEnd > SEGMENT_HEADER_BYTES) this.#unsynced.push(kept);
    }
  }

  /** Replaces a damaged segment by one that holds its good frames. */
  async #rescue(segment: Segment, file: SectorReader): Promise<void> {
    this.#found.damagedSegments++;
    const copyPath = `${segment.path}${COPY_SUFFIX}`;
    let { path, bytes } = segment;
    try {
      const salvaged = await this.#patiently(
        segment,
        () => salvageInto(this.#disk.createSync(copyPath), scannerOf(file, segment), segment.first),
        file,
      );
      // The name of the copy first: a power cut must not leave neither.
      await this.#disk.syncDirectory(this.#directory);
      await setAside(this.#disk, this.#directory, segment.path, RESCUED_SUFFIX);
      // From here on the copy is the segment, under whichever name: the next start finishes what fails now.
      [path, bytes] = [copyPath, salvaged.bytes];
      this.#found.salvagedEvents += salvaged.events;
      await this.#disk.rename(copyPath, segment.path);
      path = segment.path;
      await this.#disk.syncDirectory(this.#directory);
    } catch (error) {
      // A full disk, perhaps. Readers step over the damage where it is.
      this.#log.warn(
        { err: error, segment: path },
        "the rescue of a damaged journal segment was not finished; it is read as it is",
      );
    }
    this.#segments.push({ ...segment, path, bytes });
  }

  async #setAsideForeign(path: string): Promise<void> {
    this.#found.foreignFiles++;
    try {
      await setAsideOrRename(this.#disk, this.#directory, path);
    } catch (error) {
      // It is no part of the journal where it is, either: positions go on above the one that it is named after.
      this.#log.error({ err: error, file: path }, "this file is no segment of the journal and could not be moved away");
    }
  }

  /** Other files stay, whatever their number: another version may have events in them that nobody has had. */
  async #discardRescued(): Promise<void> {
    const aside = join(this.#directory, DAMAGED_DIRECTORY);
    try {
      const rescued = (await listAside(this.#disk, this.#directory)).filter((name) => name.endsWith(RESCUED_SUFFIX));
      rescued.sort((a, b) => asideNumber(a) - asideNumber(b));
      for (const name of rescued.slice(0, -MAX_RESCUED_FILES)) await this.#disk.unlink(join(aside, name));
    } catch (error) {
      this.#log.warn({ err: error, directory: aside }, "old damaged files of the journal could not be deleted");
    }
  }
}

async function scanAll(file: SectorReader, segment: Segment) {
  const scanner = scannerOf(file, segment);
  let last = segment.first - 1;
  await scanner.each(() => (last = scanner.position));
  return { last, goodEnd: scanner.goodEnd, damagedBytes: scanner.damagedBytes };
}

function scannerOf(file: SectorReader, segment: Segment): FrameScanner {
  return new FrameScanner(file, SEGMENT_HEADER_BYTES, {
    limit: () => segment.bytes,
    first: segment.first,
    below: () => Number.MAX_SAFE_INTEGER,
  });
}
