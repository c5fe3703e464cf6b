import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { CheckpointFile } from "./checkpoint-file.ts";
import { rejectLogConfig } from "./config.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { draftOf, openTestJournal, readAll, silent } from "./journal-fixture.ts";
import { openRejectLog } from "./reject-log-files.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const MiB = 1024 ** 2;
const config = { dir: "/journal" };

function checkpointAt(countedTo: number) {
  return { version: 1 as const, countedTo, accepted: { web: countedTo }, quarantined: {}, sinks: {} };
}

async function openSlot(disk: SimulatedDisk) {
  const reserve = new DiskReserve({ config, slot: "0", disk });
  reserve.hold();
  const file = new CheckpointFile({ config, slot: "0", log: silent, reserve, disk });
  const { journal } = await openTestJournal({ disk, reserve, config: { segmentBytes: MiB } });
  return { disk, file, journal };
}

type Slot = Awaited<ReturnType<typeof openSlot>>;

/** Appends until the disk is full, to the last byte. */
async function fill({ disk, journal }: Slot): Promise<void> {
  let isFull = false;
  for (let appends = 0; appends < 1_000 && !isFull; appends++) {
    isFull = await journal.append([draftOf("a", 64 * 1024)], "written").then(
      () => false,
      () => true,
    );
  }
  expect(isFull).toBe(true);
  disk.capacity = [...disk.files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
}

async function saveAndRelease({ file, journal }: Slot): Promise<void> {
  await file.save(checkpointAt(journal.end));
  journal.release(journal.end);
}

test("on a disk that the journal has filled, checkpoints are saved again and again, and what is released makes room", async () => {
  const disk = new SimulatedDisk();
  disk.capacity = 4 * MiB;
  const slot = await openSlot(disk);
  for (let round = 0; round < 3; round++) {
    await fill(slot);
    for (let saves = 0; saves < 50; saves++) {
      await slot.file.save(checkpointAt(slot.journal.end));
      await expect(slot.journal.append([draftOf("a", 64 * 1024)], "written")).rejects.toMatchObject({
        code: "journal_full",
      });
    }
    await saveAndRelease(slot);
    await expect.poll(() => slot.journal.isFull(1)).toBe(false);
  }
});

test("dead letters on the disk that the journal has filled are written, so that what they hold can be released", async () => {
  const disk = new SimulatedDisk();
  disk.capacity = 8 * MiB;
  const slot = await openSlot(disk);
  const letters = await openRejectLog({
    name: "dead-letters",
    slot: "0",
    config: rejectLogConfig("/dead-letters").parse({}),
    durability: "disk",
    clock: systemClock,
    log: silent,
    disk,
  });
  await fill(slot);
  const { journal } = slot;
  for (const { source, bytes: event } of await readAll(journal, journal.reader(0)))
    await letters.append([{ atMs: 0, source, code: "rejected_by_sink", reasons: [], event }]);
  await saveAndRelease(slot);
  await expect.poll(() => journal.isFull(1)).toBe(false);
  await letters.close();
});

test("a process killed on a full disk leaves one that the next process can go on with", async () => {
  const disk = new SimulatedDisk();
  disk.capacity = 4 * MiB;
  await fill(await openSlot(disk));
  const next = await openSlot(disk.afterKill());
  await saveAndRelease(next);
  await expect.poll(() => next.journal.isFull(1)).toBe(false);
  await expect(next.journal.append([draftOf("b")], "written")).resolves.toBeGreaterThan(0);
});

test("the room that an earlier process held is used, also when it could not be opened at the start", async () => {
  const disk = new SimulatedDisk();
  disk.capacity = 4 * MiB;
  await fill(await openSlot(disk));
  const killed = disk.afterKill();
  killed.capacity = disk.capacity;
  killed.failing.add("create");
  const reserve = new DiskReserve({ config, slot: "0", disk: killed });
  reserve.hold();
  killed.failing.clear();
  const file = new CheckpointFile({ config, slot: "0", log: silent, reserve, disk: killed });
  await file.save(checkpointAt(1));
});

test("a disk smaller than one segment is not full for ever once everything is released", async () => {
  const disk = new SimulatedDisk();
  disk.capacity = MiB + 512 * 1024;
  const slot = await openSlot(disk);
  await fill(slot);
  await saveAndRelease(slot);
  await expect
    .poll(() =>
      slot.journal.append([draftOf("b")], "written").then(
        () => "ok",
        () => "full",
      ),
    )
    .toBe("ok");
});

test("room goes to the reserve before the journal, which is full until the reserve is whole", async () => {
  const disk = new SimulatedDisk();
  disk.capacity = MiB / 2;
  const { journal } = await openSlot(disk);
  await expect(journal.append([draftOf("a")], "written")).rejects.toMatchObject({ code: "journal_full" });
  disk.capacity = MiB / 2 + 64 * 1024;
  await expect(journal.append([draftOf("a")], "written")).rejects.toMatchObject({ code: "journal_full" });
  disk.capacity = 2 * MiB;
  await expect(journal.append([draftOf("a")], "written")).resolves.toBe(0);
});

test("without an inode left every checkpoint is saved, and the reserve is there again once there is one", async () => {
  const slot = await openSlot(new SimulatedDisk());
  const { disk, file, journal } = slot;
  await journal.append([draftOf("a")], "written");
  await file.save(checkpointAt(0));
  disk.inodes = disk.files.size;
  for (let at = 1; at < 4; at++) await file.save(checkpointAt(at));
  expect((await new CheckpointFile({ config, slot: "0", log: silent, disk }).load())?.countedTo).toBe(3);
  // The second generation has taken the place of the reserve.
  expect(journal.isFull(1)).toBe(true);
  disk.inodes = Number.POSITIVE_INFINITY;
  expect(journal.isFull(1)).toBe(false);
  expect(disk.files.get("/journal/0/reserve")?.bytes.length).toBe(MiB);
});
