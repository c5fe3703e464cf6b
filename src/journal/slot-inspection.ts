import { join } from "node:path";
import type { Position } from "../core/event.ts";
import { type Checkpoint, Ledger } from "../core/ledger.ts";
import { CHECKPOINT_NAME, CHECKPOINT_NAMES, checkpointsIn, type Unusable } from "./checkpoint-file.ts";
import { type Disk, errorCode, nodeDisk } from "./disk.ts";
import { POSITIONS_NAME, readPositionsNote } from "./positions-file.ts";
import { checkSegment, type SegmentFile } from "./segment-check.ts";
import {
  firstOfSegmentName,
  type HeaderState,
  inspectHeader,
  SEGMENT_HEADER_BYTES,
  versionOf,
} from "./segment-header.ts";
import { DAMAGED_DIRECTORY, listAside } from "./set-aside.ts";
import { slotHolder } from "./slot-lock.ts";
import { mayHaveEvents } from "./slots-on-disk.ts";

/** What a slot on disk holds, whoever may have it open. Nothing is changed by looking. */
export interface SlotInspection {
  readonly directory: string;
  /** The process that has the slot, as it says itself; absent when none has. */
  readonly process?: number;
  /** How the last process ended; `unknown` for a slot that was copied, or of an earlier version. */
  readonly ended: "cleanly" | "not cleanly" | "not yet" | "unknown";
  readonly segments: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly version: number | undefined;
    readonly header: HeaderState;
  }[];
  readonly bytes: number;
  /** Positions of the oldest event and one past the newest; equal when it holds none. */
  readonly first: Position;
  readonly end: Position;
  readonly checkpoint:
    | { readonly state: "none" | Unusable }
    | {
        readonly state: "sound";
        readonly countedTo: Position;
        readonly sinks: readonly { readonly sink: string; readonly cursor: Position; readonly held: number }[];
      };
  /** What earlier starts could not use, in `damaged/`. */
  readonly damaged: readonly { readonly name: string; readonly bytes: number }[];
}

/** Rejects with the disk's error when the directory cannot be read. */
export async function inspectSlot(directory: string, disk: Disk = nodeDisk): Promise<SlotInspection> {
  const process = (await slotHolder(directory))?.pid;
  const note = await readPositionsNote(disk, directory);
  const { checkpoint } = await checkpointOf(disk, directory);
  const files = await segmentFiles(disk, directory);
  const segments = [];
  for (const file of files) segments.push(await describe(disk, file));
  const newest = files.at(-1);
  const check = newest && (await checkSegment(disk, newest, () => {}));
  const end = check?.end ?? newest?.first ?? 0;
  return {
    directory,
    ...(process !== undefined && { process }),
    ended:
      process !== undefined ? "not yet" : typeof note !== "object" ? "unknown" : note.clean ? "cleanly" : "not cleanly",
    segments,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    first: files.find(({ bytes }) => bytes > SEGMENT_HEADER_BYTES)?.first ?? end,
    end,
    checkpoint: describeCheckpoint(checkpoint),
    damaged: await damagedFiles(disk, directory),
  };
}

/** Whether a directory looks like a slot, or like a copy of one: it has segments, a checkpoint or positions. */
export async function isSlot(directory: string, disk: Disk = nodeDisk): Promise<boolean> {
  return (await disk.list(directory)).some(
    (name) => CHECKPOINT_NAMES.includes(name) || name === POSITIONS_NAME || mayHaveEvents(name),
  );
}

/** The newest sound checkpoint and its file; else what is wrong with the newest. */
export async function checkpointOf(
  disk: Disk,
  directory: string,
): Promise<{ readonly name: string; readonly checkpoint: Checkpoint | Unusable | undefined }> {
  for await (const { name, found } of checkpointsIn(disk, directory)) return { name, checkpoint: found };
  return { name: CHECKPOINT_NAME, checkpoint: undefined };
}

function describeCheckpoint(checkpoint: Checkpoint | Unusable | undefined): SlotInspection["checkpoint"] {
  if (typeof checkpoint !== "object") return { state: checkpoint ?? "none" };
  const ledger = new Ledger(checkpoint);
  const sinks = ledger.sinks.map((sink) => ({ sink, cursor: ledger.cursor(sink), held: ledger.held(sink) }));
  return { state: "sound", countedTo: ledger.countedTo, sinks };
}

/** The segments, oldest first. */
export async function segmentFiles(disk: Disk, directory: string): Promise<SegmentFile[]> {
  const found: { name: string; first: Position; path: string; bytes: number }[] = [];
  for (const name of await disk.list(directory)) {
    const first = firstOfSegmentName(name);
    if (first === undefined) continue;
    const path = join(directory, name);
    const bytes = await bytesOf(disk, path);
    if (bytes !== undefined) found.push({ name, first, path, bytes });
  }
  found.sort((a, b) => a.first - b.first);
  return found.map((file, at) => ({ ...file, nextFirst: found[at + 1]?.first }));
}

async function describe(
  disk: Disk,
  { name, path, first, bytes }: SegmentFile,
): Promise<SlotInspection["segments"][number]> {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  let state: HeaderState = "damaged";
  try {
    const file = await disk.open(path);
    try {
      state = inspectHeader(header.subarray(0, await file.read(header, 0)), first);
    } finally {
      await file.close();
    }
  } catch {
    // It is listed as damaged; `verify` says why.
  }
  return { name, bytes, header: state, version: state === "damaged" ? undefined : versionOf(header) };
}

async function damagedFiles(disk: Disk, directory: string): Promise<{ name: string; bytes: number }[]> {
  const files: { name: string; bytes: number }[] = [];
  for (const name of await listAside(disk, directory)) {
    const bytes = await bytesOf(disk, join(directory, DAMAGED_DIRECTORY, name));
    if (bytes !== undefined) files.push({ name, bytes });
  }
  return files;
}

async function bytesOf(disk: Disk, path: string): Promise<number | undefined> {
  try {
    return (await disk.stat(path)).bytes;
  } catch (error) {
    // Deleted since it was listed: the journal is in use.
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
