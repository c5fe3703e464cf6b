import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import type { Compression } from "./compression.ts";
import { GZIP_MEMBER_HEADER_BYTES, gzipMemberBytes } from "./gzip-member.ts";
import { readExactly } from "./read-exactly.ts";
import { zstdFrameBytes } from "./zstd-frame.ts";

const READ_BYTES = 1024 * 1024;
/** Above the largest batch a sink can be configured for, so that damage cannot make us allocate more. */
const MAX_MEMBER_BYTES = 128 * 1024 * 1024;

const gunzipMember = promisify(gunzip);
const decompressFrame = promisify(zstdDecompress);

/**
 * How much of a file, from its start, is whole: up to the last whole line, or the last
 * gzip member or zstd frame that can be read and ends with a whole line. What follows was being
 * written when the process or the machine stopped, and was not confirmed as delivered.
 */
export async function intactBytes(file: FileHandle, compression: Compression): Promise<number> {
  switch (compression) {
    case "none":
      return wholeLines(file);
    case "gzip":
      return wholeMembers(file, gzipMemberAt, gunzipMember);
    case "zstd":
      return wholeMembers(file, zstdFrameBytes, decompressFrame);
  }
}

async function wholeLines(file: FileHandle): Promise<number> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let end = 0;
  for (let offset = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, offset);
    if (bytesRead === 0) return end;
    const chunk = buffer.subarray(0, bytesRead);
    // JSON has no zero bytes: they are what a file system shows for blocks that power loss kept from the disk.
    const hole = chunk.indexOf(0);
    const lineEnd = (hole === -1 ? chunk : chunk.subarray(0, hole)).lastIndexOf("\n");
    if (lineEnd !== -1) end = offset + lineEnd + 1;
    if (hole !== -1) return end;
    offset += bytesRead;
  }
}

async function wholeMembers(
  file: FileHandle,
  bytesAt: (file: FileHandle, offset: number) => Promise<number | undefined>,
  decompress: (member: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
): Promise<number> {
  for (let end = 0; ;) {
    const bytes = await bytesAt(file, end);
    if (bytes === undefined || bytes > MAX_MEMBER_BYTES) return end;
    const member = await readExactly(file, end, bytes);
    if (member === undefined) return end;
    try {
      const lines = await decompress(member, { maxOutputLength: MAX_MEMBER_BYTES });
      if (lines.at(-1) !== 0x0a) return end;
    } catch {
      return end;
    }
    end += bytes;
  }
}

async function gzipMemberAt(file: FileHandle, offset: number): Promise<number | undefined> {
  const header = await readExactly(file, offset, GZIP_MEMBER_HEADER_BYTES);
  return header === undefined ? undefined : gzipMemberBytes(header);
}
