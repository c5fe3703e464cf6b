import type { CollectedEvent, Position } from "../core/event.ts";
import { type Disk, errorCode } from "./disk.ts";
import { FrameScanner } from "./frame-scanner.ts";
import { POSITION_GAP } from "./positions-file.ts";
import { SectorReader } from "./sector-reader.ts";
import { inspectHeader, SEGMENT_HEADER_BYTES, versionOf } from "./segment-header.ts";

/** Something that is wrong with a file of a slot. */
export interface Damage {
  readonly file: string;
  /** Where in the file, and how much of it; absent when it is the file as a whole. */
  readonly offset?: number;
  readonly bytes?: number;
  /** The events that are missing with it: from the first position up to, not including, the second. */
  readonly positions?: readonly [Position, Position];
  /** In words. */
  readonly problem: string;
}

/** What a segment holds. */
export interface SegmentCheck {
  readonly events: number;
  /** Bytes of a write that was not finished, at the end. No event is lost with them. */
  readonly unfinishedBytes: number;
  readonly damage: readonly Damage[];
  /** One past the newest event. */
  readonly end: Position;
}

export interface SegmentFile {
  readonly name: string;
  readonly path: string;
  readonly first: Position;
  readonly bytes: number;
  /** Where the next segment begins; `undefined` for the newest. */
  readonly nextFirst: Position | undefined;
}

const NOTHING = { events: 0, unfinishedBytes: 0 };

/**
 * Reads every frame of a segment and changes nothing. `undefined` when it was deleted
 * meanwhile, as the segments of a running journal are.
 *
 * @param visit gets every good event, and the offset behind it
 */
export async function checkSegment(
  disk: Disk,
  segment: SegmentFile,
  visit: (event: CollectedEvent, offset: number) => void,
): Promise<SegmentCheck | undefined> {
  const { name: file, first, bytes } = segment;
  let reader: SectorReader;
  try {
    reader = await SectorReader.open(disk, segment.path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    return { ...NOTHING, end: first, damage: [{ file, problem: `cannot be opened: ${wordsOf(error)}` }] };
  }
  reader.skipsBadSectors = true;
  try {
    const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const state = inspectHeader(header.subarray(0, await reader.read(header, 0)), first);
    if (state === "newer") {
      const problem = `is of version ${versionOf(header)}, which only a newer Millrace can read`;
      return { ...NOTHING, end: first, damage: [{ file, problem }] };
    }
    if (state === "foreign")
      return { ...NOTHING, end: first, damage: [{ file, problem: "is not the segment that its name says" }] };
    // As a crash leaves it while the segment is created.
    if (state === "damaged" && bytes <= SEGMENT_HEADER_BYTES)
      return { ...NOTHING, unfinishedBytes: bytes, end: first, damage: [] };
    const check = await scan(reader, segment, visit);
    if (state === "ok") return check;
    const damage = { file, offset: 0, bytes: SEGMENT_HEADER_BYTES, problem: "the header is damaged" };
    return { ...check, damage: [damage, ...check.damage] };
  } catch (error) {
    return { ...NOTHING, end: first, damage: [{ file, problem: `cannot be read: ${wordsOf(error)}` }] };
  } finally {
    await reader.close();
  }
}

async function scan(
  reader: SectorReader,
  { name: file, first, bytes, nextFirst }: SegmentFile,
  visit: (event: CollectedEvent, offset: number) => void,
): Promise<SegmentCheck> {
  const below = nextFirst ?? Number.MAX_SAFE_INTEGER;
  const scanner = new FrameScanner(reader, SEGMENT_HEADER_BYTES, { limit: () => bytes, first, below: () => below });
  const damage: Damage[] = [];
  let events = 0;
  let end = first;
  let goodEnd = SEGMENT_HEADER_BYTES;
  await scanner.each(() => {
    const at = scanner.goodEnd - scanner.raw().length;
    if (at > goodEnd)
      damage.push({
        file,
        offset: goodEnd,
        bytes: at - goodEnd,
        positions: [end, scanner.position],
        problem: "no record can be read here",
      });
    visit(scanner.event(), scanner.goodEnd);
    events++;
    end = scanner.position + 1;
    goodEnd = scanner.goodEnd;
  });
  const rest = bytes - goodEnd;
  // The newest may end in the midst of a write. So may one after which the positions go on: its last write was refused.
  const isUnfinished = nextFirst === undefined || nextFirst === end;
  if (rest > 0 && !isUnfinished)
    damage.push({
      file,
      offset: goodEnd,
      bytes: rest,
      // A start after a crash leaves positions free: nobody can tell how many of them were used.
      ...(nextFirst - end < POSITION_GAP && { positions: [end, nextFirst] as const }),
      problem: "no record can be read from here to the end",
    });
  return { events, unfinishedBytes: isUnfinished ? rest : 0, damage, end };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
