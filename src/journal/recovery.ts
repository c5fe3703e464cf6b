import { basename, join } from "node:path";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Position } from "../core/event.ts";
import type { Disk } from "./disk.ts";
import { MIN_FRAME_BYTES } from "./frame.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { salvageInto } from "./salvage.ts";
import { firstOfSegmentName, inspectHeader, SEGMENT_HEADER_BYTES, segmentName } from "./segment-header.ts";
import type { Segment } from "./segment-list.ts";

/** Where what cannot be used is kept for a person to look at. */
const DAMAGED_DIRECTORY = "damaged";
const SALVAGE_SUFFIX = ".salvage";

/** Rescued segments kept for a look. One is about an eighth of the journal's budget at most, so they take half of it. */
const MAX_RESCUED_FILES = 4;
const RESCUED_NAME = /\.(\d+)\.rescued$/;

/** What a start found, and did about it. */
export interface Recovery {
  /** Bytes of an unfinished write cut off the end. Not a loss: it was never acknowledged, unless the power failed. */
  readonly truncatedBytes: number;
  /** Segments with damage before their end, moved to `damaged/`. */
  readonly damagedSegments: number;
  /** Events of those that were saved. */
  readonly salvagedEvents: number;
  /** Files moved to `damaged/` because they are not segments of this version. */
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
 * It never refuses to start over what it finds: only a disk that cannot be read at all is
 * an error.
 */
export class SlotRecovery {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #segments: Segment[] = [];
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
      this.#next = 0;
      await this.#inspect(first, first === firsts.at(-1));
    }
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
    return { segments: this.#segments, end: this.#end, next: Math.max(this.#end, this.#next), recovery: this.#found };
  }

  /** First positions in order. Also finishes a rescue that a crash interrupted. */
  async #findSegments(): Promise<Position[]> {
    const names = new Set(await this.#disk.list(this.#directory));
    for (const name of names) {
      if (!name.endsWith(SALVAGE_SUFFIX)) continue;
      const target = name.slice(0, -SALVAGE_SUFFIX.length);
      // The damaged segment is moved away only once its rescue is complete.
      if (names.has(target)) await this.#disk.unlink(join(this.#directory, name));
      else await this.#disk.rename(join(this.#directory, name), join(this.#directory, target));
      names.add(target);
    }
    const firsts: Position[] = [];
    for (const name of names) {
      const first = firstOfSegmentName(name);
      if (first !== undefined) firsts.push(first);
      else if (name.endsWith(".seg")) await this.#moveForeign(join(this.#directory, name));
    }
    return firsts.toSorted((a, b) => a - b);
  }

  async #inspect(first: Position, newest: boolean): Promise<void> {
    const path = join(this.#directory, segmentName(first));
    const { bytes, modifiedMs } = await this.#disk.stat(path);
    const segment: Segment = { first, end: first, path, bytes, closedMs: modifiedMs, index: [] };
    switch (inspectHeader(await this.#readHeader(path), first)) {
      case "foreign":
        await this.#moveForeign(path);
        break;
      case "damaged":
        // A crash while the segment was created leaves less than a header, and nothing is lost with it.
        if (bytes <= SEGMENT_HEADER_BYTES) this.#segments.push(segment);
        else await this.#findEnd(segment, true);
        break;
      case "ok":
        if (newest) await this.#findEnd(segment, false);
        else this.#segments.push(segment);
        break;
    }
  }

  async #readHeader(path: string): Promise<Buffer> {
    const file = await this.#disk.open(path);
    try {
      const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
      return header.subarray(0, await file.read(header, 0));
    } finally {
      await file.close();
    }
  }

  /** Scans the whole segment: where it ends, and whether there is damage before that. */
  async #findEnd(segment: Segment, headerIsDamaged: boolean): Promise<void> {
    const file = await this.#disk.open(segment.path);
    const scanner = scannerOf(file, segment);
    let last = segment.first - 1;
    try {
      do {
        while (scanner.next()) last = scanner.position;
      } while (await scanner.load());
    } finally {
      await file.close();
    }
    this.#end = last + 1;
    const tornBytes = segment.bytes - scanner.goodEnd;
    // After a power cut, these may have been events that someone saw. Their positions are not used again.
    this.#next = this.#end + Math.ceil(tornBytes / MIN_FRAME_BYTES);
    if (headerIsDamaged || scanner.damagedBytes > 0) await this.#rescue(segment);
    else if (tornBytes > 0) await this.#cutOff(segment, scanner.goodEnd);
    else this.#segments.push(segment);
  }

  async #cutOff(segment: Segment, goodEnd: number): Promise<void> {
    this.#found.truncatedBytes += segment.bytes - goodEnd;
    try {
      await this.#disk.truncate(segment.path, goodEnd);
    } catch (error) {
      this.#log.warn(
        { err: error, segment: segment.path },
        "the torn end of a journal segment could not be cut off; it is ignored",
      );
    }
    this.#segments.push({ ...segment, bytes: goodEnd });
  }

  /** Replaces a damaged segment by one that holds its good frames. */
  async #rescue(segment: Segment): Promise<void> {
    this.#found.damagedSegments++;
    const salvagePath = `${segment.path}${SALVAGE_SUFFIX}`;
    const file = await this.#disk.open(segment.path);
    try {
      const salvaged = await salvageInto(this.#disk.createSync(salvagePath), scannerOf(file, segment), segment.first);
      await this.#moveAside(segment.path, ".rescued");
      await this.#disk.rename(salvagePath, segment.path);
      await this.#disk.syncDirectory(this.#directory);
      this.#found.salvagedEvents += salvaged.events;
      this.#segments.push({ ...segment, bytes: salvaged.bytes });
    } catch (error) {
      // A full disk, perhaps. Readers step over the damage where it is.
      this.#log.warn(
        { err: error, segment: segment.path },
        "a damaged journal segment could not be rewritten; it is read as it is",
      );
      this.#segments.push(segment);
    } finally {
      await file.close();
    }
  }

  async #moveForeign(path: string): Promise<void> {
    this.#found.foreignFiles++;
    await this.#moveAside(path, "");
  }

  async #moveAside(path: string, suffix: string): Promise<void> {
    const aside = join(this.#directory, DAMAGED_DIRECTORY);
    await this.#disk.mkdir(aside);
    await this.#disk.rename(path, join(aside, `${basename(path)}.${this.#clock.nowMs()}${suffix}`));
  }

  /** Foreign files stay, whatever their number: another version may have events in them that nobody has had. */
  async #discardRescued(): Promise<void> {
    const aside = join(this.#directory, DAMAGED_DIRECTORY);
    try {
      const rescued = (await this.#disk.list(aside)).filter((name) => RESCUED_NAME.test(name));
      rescued.sort((a, b) => rescuedMs(a) - rescuedMs(b));
      for (const name of rescued.slice(0, -MAX_RESCUED_FILES)) await this.#disk.unlink(join(aside, name));
    } catch (error) {
      this.#log.warn({ err: error, directory: aside }, "old damaged files of the journal could not be deleted");
    }
  }
}

function rescuedMs(name: string): number {
  return Number(RESCUED_NAME.exec(name)?.[1]);
}

function scannerOf(file: Awaited<ReturnType<Disk["open"]>>, segment: Segment): FrameScanner {
  return new FrameScanner(file, SEGMENT_HEADER_BYTES, {
    limit: () => segment.bytes,
    first: segment.first,
    below: () => Number.MAX_SAFE_INTEGER,
  });
}
