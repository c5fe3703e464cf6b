import { promisify } from "node:util";
import { crc32, deflateRaw } from "node:zlib";
import type { Batch } from "../../core/sink.ts";
import { compress, type Compression, GZIP_OPTIONS } from "../../formats/compression.ts";
import { encodeNdjson } from "../../formats/ndjson.ts";
import { GZIP_MEMBER_HEADER_BYTES, gzipMemberHeader } from "../../formats/gzip-member.ts";

const deflate = promisify(deflateRaw);

/**
 * The events as NDJSON, compressed into one gzip member or zstd frame. Members and frames
 * may follow one another in a file, and each can be read without the others: that is
 * what makes a file readable up to the last whole batch, whatever happened to its end.
 */
export async function encodeLines(events: Batch, compression: Compression): Promise<Buffer> {
  const lines = encodeNdjson(events);
  return compression === "gzip" ? gzipMember(lines) : compress(lines, compression);
}

async function gzipMember(lines: Buffer): Promise<Buffer> {
  const deflated = await deflate(lines, GZIP_OPTIONS);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(lines), 0);
  trailer.writeUInt32LE(lines.length, 4);
  const memberBytes = GZIP_MEMBER_HEADER_BYTES + deflated.length + trailer.length;
  return Buffer.concat([gzipMemberHeader(memberBytes), deflated, trailer], memberBytes);
}
