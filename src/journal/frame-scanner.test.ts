import { expect, test } from "vitest";
import { FrameScanner } from "./frame-scanner.ts";
import { draftOf, openTestJournal } from "./journal-fixture.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const KiB = 1024;

test("a damaged length takes no memory for what it claims, and costs the one event", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 30; at++) await journal.append([draftOf(String(at), 500 * KiB)], "written");
  const path = "/journal/0/0000000000000000.seg";
  const bytes = disk.files.get(path)?.bytes ?? Buffer.alloc(0);
  bytes.writeUInt32LE(10 * KiB * KiB, SEGMENT_HEADER_BYTES + 4);
  const file = await disk.open(path);
  let largest = 0;
  const watched = {
    ...file,
    read: (buffer: Uint8Array, offset: number) => {
      largest = Math.max(largest, buffer.length);
      return file.read(buffer, offset);
    },
  };
  const range = { limit: () => bytes.length, first: 0, below: () => Number.MAX_SAFE_INTEGER };
  const scanner = new FrameScanner(watched, SEGMENT_HEADER_BYTES, range);
  const found: number[] = [];
  await scanner.each(() => found.push(scanner.position));
  expect(found).toEqual(Array.from({ length: 29 }, (_, at) => at + 1));
  expect(largest).toBeLessThanOrEqual(KiB * KiB);
});
