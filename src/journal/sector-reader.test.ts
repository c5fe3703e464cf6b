import { expect, test } from "vitest";
import { SectorReader } from "./sector-reader.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const PATH = "/file";

async function openWithBad(from: number, to: number, others: readonly string[] = ["/other"]): Promise<SectorReader> {
  const disk = new SimulatedDisk();
  disk.files.set(PATH, { bytes: Buffer.alloc(20_000, "x"), modifiedMs: 0 });
  for (const other of others) disk.files.set(other, { bytes: Buffer.alloc(1), modifiedMs: 0 });
  disk.badSectors.push({ path: PATH, from, to });
  const reader = await SectorReader.open(disk, PATH);
  reader.skipsBadSectors = true;
  return reader;
}

test("a sector that cannot be read gives zeros, also when it is all that is asked for, at either end of the file", async () => {
  for (const sector of [0, 1, 4]) {
    const from = sector * 4_096;
    const reader = await openWithBad(from, from + 4_096);
    const buffer = Buffer.alloc(100, "y");
    expect(await reader.read(buffer, from + 50)).toBe(100);
    expect(buffer).toEqual(Buffer.alloc(100));
  }
});

test("however many sectors in a row cannot be read, they give zeros as long as the disk reads the start of this file or of another", async () => {
  for (const reader of [await openWithBad(0, 20_000), await openWithBad(4_096, 20_000, [])]) {
    const buffer = Buffer.alloc(3_000, "y");
    expect(await reader.read(buffer, 9_000)).toBe(3_000);
    expect(buffer).toEqual(Buffer.alloc(3_000));
    expect(reader.hasBadSectors).toBe(true);
  }
});

test("where nothing can be read there are no zeros: the disk may be back", async () => {
  const reader = await openWithBad(0, 20_000, []);
  await expect(reader.read(Buffer.alloc(100), 4_096)).rejects.toMatchObject({ code: "EIO" });
});
