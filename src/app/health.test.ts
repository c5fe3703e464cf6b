import { expect, test } from "vitest";
import { draftOf } from "../journal/journal-fixture.ts";
import { SimulatedDisk } from "../journal/simulated-disk.ts";
import { healthOf } from "./health.ts";
import { openSlot } from "./slot-fixture.ts";

test("a journal whose disk fails makes the node not ready, with the reason, until it is written again", async () => {
  const disk = new SimulatedDisk();
  await using slot = await openSlot(disk, []);
  const health = () =>
    healthOf(false, slot.journal, slot.pipelines, { sinkDeadMs: 60_000, journalFraction: 0.8 }, Date.now());
  expect(health().ready).toBe(true);
  disk.failing.add("create");
  await expect(slot.journal.append([draftOf("a")], "written")).rejects.toThrow("EIO");
  expect(health()).toEqual({ live: true, ready: false, reasons: ["the journal could not be written: EIO"] });
  disk.failing.clear();
  await slot.journal.append([draftOf("a")], "written");
  expect(health().ready).toBe(true);
});
