import type { FileHandle } from "node:fs/promises";
import { readExactly } from "./read-exactly.ts";

const MAGIC = 0xfd2fb528;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const RLE_BLOCK = 1;

/**
 * The length of the zstd frame at an offset, found by stepping over its blocks (RFC 8878,
 * 3.1.1); `undefined` if none starts there or it does not end within the file.
 */
export async function zstdFrameBytes(file: FileHandle, offset: number): Promise<number | undefined> {
  const start = await readExactly(file, offset, 5);
  if (start === undefined || start.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = start.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeFlag = descriptor >> 6;
  const contentSizeBytes = contentSizeFlag === 0 && singleSegment ? 1 : (CONTENT_SIZE_BYTES[contentSizeFlag] ?? 0);
  let bytes = 5 + (singleSegment ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + contentSizeBytes;

  for (let last = false; !last;) {
    const block = await readExactly(file, offset + bytes, 3);
    if (block === undefined) return undefined;
    const header = block.readUIntLE(0, 3);
    last = (header & 1) === 1;
    bytes += 3 + (((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3);
  }
  const hasChecksum = (descriptor & 0x04) !== 0;
  return hasChecksum ? bytes + 4 : bytes;
}
