/**
 * The header of our gzip members: a plain one (RFC 1952) with an extra field that holds the
 * length of the whole member, as BGZF does, so that recovery can step from member to
 * member. Every reader of gzip skips extra fields.
 */
export const GZIP_MEMBER_HEADER_BYTES = 20;

// Magic, deflate, FEXTRA, no time, no flags, unknown system; 8 bytes of extra: field `MR`, of 4 bytes.
const HEADER_START = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x4d, 0x52, 4, 0]);

export function gzipMemberHeader(memberBytes: number): Buffer {
  const header = Buffer.alloc(GZIP_MEMBER_HEADER_BYTES);
  HEADER_START.copy(header);
  header.writeUInt32LE(memberBytes, HEADER_START.length);
  return header;
}

/** The length of the member that starts with these bytes; `undefined` if none of ours does. */
export function gzipMemberBytes(header: Buffer): number | undefined {
  if (header.length < GZIP_MEMBER_HEADER_BYTES) return undefined;
  if (!header.subarray(0, HEADER_START.length).equals(HEADER_START)) return undefined;
  return header.readUInt32LE(HEADER_START.length);
}
