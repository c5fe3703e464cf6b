import * as fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { draftOf, openTestJournal, readAll } from "./journal-fixture.ts";
import { segmentHeader, SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const KiB = 1024;
const small = { maxBytes: 64 * KiB, segmentBytes: 2 * KiB, tailBytes: 2 * KiB };

async function reopen(disk: SimulatedDisk, atLeast = 0) {
  const next = disk.afterKill();
  const opened = await openTestJournal({ disk: next, config: small, atLeast });
  return { ...opened, disk: next };
}

function newestSegment(disk: SimulatedDisk): string {
  return (
    [...disk.files.keys()]
      .filter((path) => path.endsWith(".seg"))
      .toSorted()
      .at(-1) ?? ""
  );
}

/** Each step appends some events, or releases, or kills the process, leaving a part of an unfinished write behind. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("append" as const),
        events: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("release" as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("kill" as const),
        tear: fc.double({ min: 0, max: 1, noNaN: true }),
        zeros: fc.nat(200),
      }),
    },
  ),
  { minLength: 3, maxLength: 25 },
);

test("whatever is appended, released and killed, even in the midst of a write, every acknowledged event is there and no position is used twice", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      let disk = new SimulatedDisk();
      let { journal } = await openTestJournal({ disk, config: small });
      const acknowledged: { position: number; id: string }[] = [];
      let released = 0;
      let serial = 0;
      for (const step of plan) {
        switch (step.kind) {
          case "append": {
            const drafts = step.events.map((bytes) => draftOf(`event-${serial++}`, bytes));
            const first = await journal.append(drafts, "written");
            for (const [at, { id }] of drafts.entries()) acknowledged.push({ position: first + at, id });
            break;
          }
          case "release":
            released = Math.max(released, Math.floor(journal.end * step.part));
            journal.release(released);
            break;
          case "kill": {
            // The next write reaches the disk up to some byte, and its sender is never answered.
            const before = disk.afterKill();
            await journal.append([draftOf("unfinished-a", 300), draftOf("unfinished-b", 300)], "written");
            const torn = newestSegment(disk);
            const from = before.files.get(torn)?.bytes.length ?? 0;
            const written = disk.files.get(torn)?.bytes ?? Buffer.alloc(0);
            const cut = from + Math.floor((written.length - from) * step.tear);
            before.files.set(torn, {
              bytes: Buffer.concat([written.subarray(0, cut), Buffer.alloc(step.zeros)]),
              modifiedMs: 0,
            });
            ({ journal, disk } = await reopen(before));
            break;
          }
        }
      }
      const { journal: last, recovery } = await reopen(disk);
      expect(recovery.damagedSegments).toBe(0);
      const events = (await readAll(last, last.reader(0))).filter(
        ({ id, position }) => !id.startsWith("unfinished") && position >= released,
      );
      expect(events.map(({ position, id }) => ({ position, id }))).toEqual(
        acknowledged.filter(({ position }) => position >= released),
      );
    }),
    { numRuns: 60 },
  );
});

test("the newest segment cut at any byte gives back every whole event before the cut", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  const ends: number[] = [];
  for (let at = 0; at < 5; at++) {
    await journal.append([draftOf(String(at), 20)], "written");
    ends.push(journal.heldBytes);
  }
  const path = newestSegment(disk);
  for (let cut = 0; cut <= journal.heldBytes; cut++) {
    const torn = disk.afterKill();
    const file = torn.files.get(path);
    if (file !== undefined) file.bytes = file.bytes.subarray(0, cut);
    const { journal: next, disk: nextDisk } = await reopen(torn);
    const whole = ends.filter((end) => end <= cut).length;
    expect(next.end).toBe(whole);
    expect(await readAll(next, next.reader(0))).toHaveLength(whole);
    // What comes next lands behind it, and is found again.
    const position = await next.append([draftOf("next")], "written");
    expect(position).toBeGreaterThanOrEqual(whole);
    const { journal: last } = await reopen(nextDisk);
    expect((await readAll(last, last.reader(0))).map((event) => event.id)).toEqual([
      ...["0", "1", "2", "3", "4"].slice(0, whole),
      "next",
    ]);
  }
});

test("any damaged byte, in any segment, costs at most the event it lies in", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 30; at++) await journal.append([draftOf(`event-${at}`, 300)], "written");
  const paths = [...disk.files.keys()];
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, where, flip) => {
      const damaged = disk.afterKill();
      const bytes = damaged.files.get(paths[which % paths.length] ?? "")?.bytes ?? Buffer.alloc(1);
      const at = where % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(at) ^ flip, at);
      const { journal: next, disk: nextDisk } = await reopen(damaged);
      const ids = (await readAll(next, next.reader(0))).map((event) => event.id);
      expect(ids.length).toBeGreaterThanOrEqual(29);
      expect(new Set(ids).size).toBe(ids.length);
      await expect(next.append([draftOf("next")], "written")).resolves.toBeGreaterThanOrEqual(29);
      const { journal: last } = await reopen(nextDisk);
      expect((await readAll(last, last.reader(0))).map((event) => event.id)).toEqual([...ids, "next"]);
    }),
    { numRuns: 150 },
  );
});

test("a damaged newest segment is moved aside, and its good events live on in a fresh one", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 10; at++) await journal.append([draftOf(`event-${at}`)], "written");
  const file = disk.files.get(newestSegment(disk));
  file?.bytes.fill(0, 500, 700);
  const { journal: next, recovery, disk: nextDisk } = await reopen(disk);
  expect(recovery).toMatchObject({ damagedSegments: 1, salvagedEvents: 8 });
  expect([...nextDisk.files.keys()].filter((path) => path.includes("/damaged/"))).toHaveLength(1);
  expect(await readAll(next, next.reader(0))).toHaveLength(8);
  const { recovery: again } = await reopen(nextDisk);
  expect(again.damagedSegments).toBe(0);
});

test("of the rescued files the newest four are kept", async () => {
  let disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 20; at++) await journal.append([draftOf(`event-${at}`)], "written");
  for (let nowMs = 1; nowMs <= 6; nowMs++) {
    disk = disk.afterKill();
    disk.files.get(newestSegment(disk))?.bytes.fill(0, 500, 600);
    await openTestJournal({ disk, clock: { ...systemClock, nowMs: () => nowMs } });
  }
  const kept = [...disk.files.keys()].filter((path) => path.includes("/damaged/"));
  expect(kept.map((path) => path.split(".").at(-2))).toEqual(["3", "4", "5", "6"]);
});

test("a rescue that a crash or a full disk interrupts loses nothing", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 10; at++) await journal.append([draftOf(`event-${at}`)], "written");
  const path = newestSegment(disk);
  const damaged = disk.afterKill();
  damaged.files.get(path)?.bytes.fill(0, 500, 700);

  const full = damaged.afterKill();
  full.room = 300;
  const { journal: inPlace } = await openTestJournal({ disk: full, config: small });
  expect(await readAll(inPlace, inPlace.reader(0))).toHaveLength(8);
  full.room = 1e9;
  await inPlace.append([draftOf("next")], "written");
  expect(await readAll(inPlace, inPlace.reader(0))).toHaveLength(9);

  // Between the two renames: the rescued segment is complete, the damaged one has been moved away.
  const { disk: rescued } = await reopen(damaged);
  await rescued.rename(path, `${path}.salvage`);
  const { journal: next } = await reopen(rescued);
  expect(await readAll(next, next.reader(0))).toHaveLength(8);

  // Before the first: the rescue may be incomplete, and begins again.
  const unfinished = damaged.afterKill();
  unfinished.files.set(`${path}.salvage`, { bytes: Buffer.alloc(10), modifiedMs: 0 });
  const { journal: other } = await reopen(unfinished);
  expect(await readAll(other, other.reader(0))).toHaveLength(8);
});

test("files that are no segments of this version are moved aside or left alone, and nothing fails", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 20; at++) await journal.append([draftOf(`event-${at}`, 300)], "written");
  const newer = segmentHeader(1_000);
  newer.writeUInt32LE(1_001, 12);
  disk.files.set("/journal/0/0000000000001000.seg", { bytes: segmentHeader(2_000), modifiedMs: 0 });
  disk.files.set("/journal/0/notes.seg", { bytes: Buffer.from("hello"), modifiedMs: 0 });
  disk.files.set("/journal/0/README", { bytes: Buffer.from("hello"), modifiedMs: 0 });
  const { journal: next, recovery } = await reopen(disk);
  expect(recovery.foreignFiles).toBe(2);
  expect(await readAll(next, next.reader(0))).toHaveLength(20);
  expect(await next.append([draftOf("next")], "written")).toBeGreaterThanOrEqual(20);
});

test("an end of zeros, as a power cut leaves it, is a torn end", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("a")], "written");
  const file = disk.files.get(newestSegment(disk));
  if (file !== undefined) file.bytes = Buffer.concat([file.bytes, Buffer.alloc(4_096)]);
  const { journal: next, recovery } = await reopen(disk);
  expect(recovery).toMatchObject({ truncatedBytes: 4_096, damagedSegments: 0 });
  expect(next.end).toBe(1);
});

test("positions go on from the checkpoint when the journal lost its newest events", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 3; at++) await journal.append([draftOf(String(at))], "written");
  const { journal: next, disk: nextDisk } = await reopen(disk, 100);
  expect([next.end, next.nextPosition]).toEqual([3, 100]);
  const reader = next.reader(0);
  await expect(next.append([draftOf("next")], "written")).resolves.toBe(100);
  expect((await readAll(next, reader)).map((event) => event.position)).toEqual([0, 1, 2, 100]);
  const { journal: last } = await reopen(nextDisk, 100);
  expect((await readAll(last, last.reader(3))).map((event) => event.position)).toEqual([100]);
});

test("a segment that was only just created holds nothing and harms nothing", async () => {
  for (const bytes of [0, 7, SEGMENT_HEADER_BYTES]) {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    await journal.append([draftOf("a")], "written");
    disk.files.set("/journal/0/0000000000000001.seg", { bytes: segmentHeader(1).subarray(0, bytes), modifiedMs: 0 });
    const { journal: next, recovery } = await reopen(disk);
    expect(recovery.damagedSegments).toBe(0);
    await expect(next.append([draftOf("b")], "written")).resolves.toBe(1);
    expect((await readAll(next, next.reader(0))).map((event) => event.id)).toEqual(["a", "b"]);
  }
});

test("a journal in memory does not begin while the directory has events that a sink needs", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("a"), draftOf("b")], "written");
  const inMemory = (neededFrom: number) =>
    openTestJournal({ disk: disk.afterKill(), config: { durability: "memory" }, atLeast: 2, neededFrom });
  await expect(inMemory(1)).rejects.toMatchObject({ code: "journal_unusable" });
  expect((await inMemory(2)).journal).toMatchObject({ first: 2, end: 2, durability: "memory" });
});

test("a directory that cannot be used is said to be so", async () => {
  const disk = new SimulatedDisk();
  disk.list = () => Promise.reject(new Error("permission denied"));
  await expect(openTestJournal({ disk })).rejects.toMatchObject({ code: "journal_unusable" });
});
