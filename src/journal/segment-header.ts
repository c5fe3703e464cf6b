import { crc32 } from "node:zlib";
import type { Position } from "../core/event.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/*
 * The start of a segment file: magic (8 bytes) | version u32 | first position u64 | CRC-32 of these u32.
 *
 * It is the same in every version, so that each tells the others' segments. The version says
 * how the frames behind it are laid out. It goes up with every change that an earlier version
 * could not read; what was ever released is read for ever (`format.test.ts`).
 */
const MAGIC = Buffer.from("MLRCSEG\n", "latin1");
export const SEGMENT_VERSION = 1;
const CHECKSUM_AT = 20;

export const SEGMENT_HEADER_BYTES = 24;

/** Ends the name of a copy that is to take a segment's place. */
export const COPY_SUFFIX = ".salvage";

/** As many digits as the largest position has, so that names sort as positions do. */
const NAME_DIGITS = 16;
const NAME = /^(\d{16})\.seg$/;

export function segmentHeader(first: Position): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(SEGMENT_VERSION, 8);
  writeUint64(header, first, 12);
  header.writeUInt32LE(crc32(header.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return header;
}

/**
 * `newer`: of a version that this one does not know.
 * `foreign`: a sound header, but of another segment or a version that never was.
 * `damaged`: no sound header; the frames behind it may still be good.
 */
export type HeaderState = "ok" | "newer" | "foreign" | "damaged";

export function inspectHeader(header: Buffer, first: Position): HeaderState {
  if (header.length < SEGMENT_HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return "damaged";
  if (crc32(header.subarray(0, CHECKSUM_AT)) !== header.readUInt32LE(CHECKSUM_AT)) return "damaged";
  const version = versionOf(header);
  if (version > SEGMENT_VERSION) return "newer";
  return version === SEGMENT_VERSION && readUint64(header, 12) === first ? "ok" : "foreign";
}

/** The version that a sound header names. */
export function versionOf(header: Buffer): number {
  return header.readUInt32LE(8);
}

/** `0000000000001024.seg`: a segment is named after its first position. */
export function segmentName(first: Position): string {
  return `${String(first).padStart(NAME_DIGITS, "0")}.seg`;
}

/** The first position of a segment; `undefined` when that is not a segment's name. */
export function firstOfSegmentName(name: string): Position | undefined {
  const digits = NAME.exec(name)?.[1];
  const first = digits === undefined ? undefined : Number(digits);
  return first !== undefined && Number.isSafeInteger(first) ? first : undefined;
}
