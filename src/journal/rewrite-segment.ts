import { type Disk, type DiskReader, type DiskWriter, writeFullySync } from "./disk.ts";
import { COPY_SUFFIX } from "./segment-header.ts";
import type { Segment, SegmentList } from "./segment-list.ts";

/** Copied at a time: a write of this size to the page cache takes well below a millisecond. */
const CHUNK_BYTES = 1024 * 1024;

/** A segment whose bytes are to be written again, and where they can be read. */
export interface ReadableSegment {
  readonly segment: Segment;
  readonly file: Pick<DiskReader, "read" | "close">;
}

/**
 * Puts a synced copy of a segment in its place, read from its open file, which also works
 * when that has lost its name. A reader that has the old file open is not disturbed. Resolves
 * with false when nobody needed it any more by then. Rejects with the disk's error. The
 * segment is then as it was, and the copy is gone: it would take room that nobody counts, and
 * the next start would take it for a segment.
 */
export async function rewriteSegment(
  { segment, file }: ReadableSegment,
  { disk, directory, segments }: { readonly disk: Disk; readonly directory: string; readonly segments: SegmentList },
): Promise<boolean> {
  const copyPath = `${segment.path}${COPY_SUFFIX}`;
  const copy = disk.createSync(copyPath);
  try {
    try {
      await copyBytes(file, copy, segment.bytes);
      await copy.datasync();
    } finally {
      await copy.close();
    }
    // It may have been released while it was copied, and deleted.
    if (!segments.needs(segment)) {
      await disk.unlink(copyPath);
      return false;
    }
    await disk.rename(copyPath, segment.path);
  } catch (error) {
    await disk.unlink(copyPath).catch(() => {});
    throw error;
  }
  // Released and deleted in the midst of the rename.
  if (!segments.has(segment)) await disk.unlink(segment.path);
  await disk.syncDirectory(directory);
  return true;
}

async function copyBytes(from: Pick<DiskReader, "read">, to: DiskWriter, bytes: number): Promise<void> {
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes - offset));
    const read = await from.read(chunk, offset);
    if (read < chunk.length) throw Object.assign(new Error("the file ends too early"), { code: "EIO" });
    writeFullySync(to, chunk, offset);
  }
}
