import type { Position } from "../core/event.ts";
import { type DiskWriter, writeFullySync } from "./disk.ts";
import type { FrameScanner } from "./frame-scanner.ts";
import { SEGMENT_HEADER_BYTES, segmentHeader } from "./segment-header.ts";

/** Copies the good frames that a scan finds into a fresh segment, and syncs it. Closes the file. */
export async function salvageInto(
  file: DiskWriter,
  scanner: FrameScanner,
  first: Position,
): Promise<{ events: number; bytes: number }> {
  let events = 0;
  let bytes = SEGMENT_HEADER_BYTES;
  try {
    writeFullySync(file, segmentHeader(first), 0);
    await scanner.each(() => {
      const frame = scanner.raw();
      writeFullySync(file, frame, bytes);
      bytes += frame.length;
      events++;
    });
    await file.datasync();
  } finally {
    await file.close();
  }
  return { events, bytes };
}
