import { type Disk, type DiskReader, type DiskWriter, writeFullySync } from "./disk.ts";
import { COPY_SUFFIX } from "./segment-header.ts";
import type { OpenSegment } from "./segment-writer.ts";

/** Copied at a time: a write of this size to the page cache takes well below a millisecond. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Puts a synced copy of a segment in its place, read from its open file, which also works
 * when that has lost its name. A reader that has the old file open is not disturbed. Rejects
 * with the disk's error; the segment is then as it was.
 */
export async function rewriteSegment(
  { segment, file }: OpenSegment,
  { disk, directory }: { readonly disk: Disk; readonly directory: string },
): Promise<void> {
  const copyPath = `${segment.path}${COPY_SUFFIX}`;
  const copy = disk.createSync(copyPath);
  try {
    await copyBytes(file, copy, segment.bytes);
    await copy.datasync();
  } finally {
    await copy.close();
  }
  await disk.rename(copyPath, segment.path);
  await disk.syncDirectory(directory);
}

async function copyBytes(from: Pick<DiskReader, "read">, to: DiskWriter, bytes: number): Promise<void> {
  for (let offset = 0; offset < bytes; offset += CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes - offset));
    const read = await from.read(chunk, offset);
    if (read < chunk.length) throw Object.assign(new Error("the file ends too early"), { code: "EIO" });
    writeFullySync(to, chunk, offset);
  }
}
