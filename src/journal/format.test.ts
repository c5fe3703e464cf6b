import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CheckpointFile } from "./checkpoint-file.ts";
import { openTestJournal, readAll, silent } from "./journal-fixture.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

/** The files of a slot as they were once written. */
function diskOf(fixture: string): SimulatedDisk {
  const text = readFileSync(new URL(`./fixtures/${fixture}`, import.meta.url), "utf8");
  const { files } = JSON.parse(text) as { files: Record<string, string> };
  const disk = new SimulatedDisk();
  for (const [name, base64] of Object.entries(files)) {
    disk.files.set(`/journal/0/${name}`, { bytes: Buffer.from(base64, "base64"), modifiedMs: 0 });
  }
  return disk;
}

test("what version 1 wrote is read: events, positions, checkpoint, and the clean end", async () => {
  const disk = diskOf("format-1.json");
  const checkpoint = await new CheckpointFile({ config: { dir: "/journal" }, slot: "0", log: silent, disk }).load();
  expect(checkpoint).toEqual({
    version: 1,
    countedTo: 3,
    accepted: { web: 2, app: 1 },
    quarantined: { app: 2 },
    sinks: {
      stream: {
        cursor: 1,
        missing: 0,
        tallies: {
          web: { accepted: 2, delivered: 1, deadLettered: 0, dropped: {} },
          app: { accepted: 1, delivered: 0, deadLettered: 0, dropped: {} },
        },
      },
    },
  });
  const { journal, recovery } = await openTestJournal({ disk, atLeast: 3 });
  expect(recovery).toEqual({ truncatedBytes: 0, damagedSegments: 0, salvagedEvents: 0, foreignFiles: 0 });
  expect([journal.end, journal.nextPosition]).toEqual([3, 3]);
  const events = await readAll(journal, journal.reader(0));
  expect(events.map(({ bytes, ...event }) => ({ ...event, bytes: bytes.toString() }))).toEqual([
    {
      position: 0,
      id: "first",
      type: "page.viewed",
      source: "web",
      receivedMs: 1_764_000_000_000,
      bytes: '{"id":"first","data":"xxx"}',
    },
    {
      position: 1,
      id: "ünïcode-✓",
      type: "checkout.paid",
      source: "app",
      receivedMs: 1_764_000_123_456,
      bytes: '{"id":"x","data":{"total":12345678901234567890}}',
    },
    {
      position: 2,
      id: "last",
      type: "page.viewed",
      source: "web",
      receivedMs: 1_764_000_000_000,
      bytes: '{"id":"last","data":""}',
    },
  ]);
});
