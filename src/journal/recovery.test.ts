import * as fc from "fast-check";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { pino } from "pino";
import { expect, test } from "vitest";
import { draftOf, ManualClock, openTestJournal, readAll, temporaryDirectory } from "./journal-fixture.ts";
import { POSITION_GAP } from "./positions-file.ts";
import { segmentHeader, SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { cutShort, writeTo } from "./simulated-file.ts";

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
  for (let start = 1; start <= 6; start++) {
    disk = disk.afterKill();
    disk.files.get(newestSegment(disk))?.bytes.fill(0, 500, 600);
    await openTestJournal({ disk });
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
  await expect.poll(() => inPlace.isFull(1)).toBe(false);
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

test("a rescue whose last steps the disk refuses is read from the copy, and finished by the next start", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 10; at++) await journal.append([draftOf(`event-${at}`)], "written");
  const path = newestSegment(disk);
  for (const fails of ["sync of damaged/", "rename of the copy"] as const) {
    const damaged = disk.afterKill();
    damaged.files.get(path)?.bytes.fill(0, 500, 700);
    const refuse = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
    const syncDirectory = damaged.syncDirectory.bind(damaged);
    const rename = damaged.rename.bind(damaged);
    if (fails === "sync of damaged/")
      damaged.syncDirectory = (dir) => (dir.endsWith("damaged") ? refuse() : syncDirectory(dir));
    else damaged.rename = (from, to) => (from.endsWith(".salvage") ? refuse() : rename(from, to));
    const { journal: now } = await openTestJournal({ disk: damaged });
    expect(await readAll(now, now.reader(0))).toHaveLength(8);
    const { journal: next } = await reopen(damaged);
    expect(await readAll(next, next.reader(0))).toHaveLength(8);
  }
});

test("files that are no segments of this version are moved aside or left alone, and nothing fails", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 20; at++) await journal.append([draftOf(`event-${at}`, 300)], "written");
  disk.files.set("/journal/0/0000000000001000.seg", { bytes: segmentHeader(2_000), modifiedMs: 0 });
  disk.files.set("/journal/0/notes.seg", { bytes: Buffer.from("hello"), modifiedMs: 0 });
  disk.files.set("/journal/0/README", { bytes: Buffer.from("hello"), modifiedMs: 0 });
  const { journal: next, recovery } = await reopen(disk);
  expect(recovery.foreignFiles).toBe(2);
  expect(await readAll(next, next.reader(0))).toHaveLength(20);
  expect(await next.append([draftOf("next")], "written")).toBeGreaterThanOrEqual(20);
});

test("a segment of a newer version is moved aside untouched, never deleted, and said to be one; its positions are not used", async () => {
  let disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("a"), draftOf("b")], "written");
  await journal.close();
  const header = segmentHeader(2);
  header.writeUInt32LE(7, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  const newer = Buffer.concat([header, Buffer.alloc(500, "what this version cannot read")]);
  disk.files.set("/journal/0/0000000000000002.seg", { bytes: newer, modifiedMs: 0 });
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => lines.push(line) });
  for (let start = 0; start < 7; start++) {
    disk = disk.afterKill();
    const { journal: next } = await openTestJournal({ disk, log });
    expect(next.nextPosition).toBeGreaterThanOrEqual(POSITION_GAP);
    await next.append([draftOf(`start-${start}`)], "written");
    disk.files.get(newestSegment(disk))?.bytes.fill(0, 50, 60);
  }
  expect(disk.files.get("/journal/0/damaged/0000000000000002.seg.1")?.bytes.equals(newer)).toBe(true);
  expect(lines[0]).toContain("of a newer version of Millrace");
});

test("the newest segment loses no more to bad sectors than what lies in them", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 40; at++) await journal.append([draftOf(`event-${at}`, 1_000)], "written");
  const path = newestSegment(disk);
  // The header, which costs no event; and a sector of 4 KiB, with parts of five events of a little more than 1 KB.
  for (const { from, to, atLeast, atMost } of [
    { from: 0, to: 10, atLeast: 40, atMost: 40 },
    { from: 20_000, to: 20_001, atLeast: 35, atMost: 39 },
  ]) {
    const bad = disk.afterKill();
    bad.badSectors.push({ path, from, to });
    const clock = new ManualClock();
    const opening = openTestJournal({ disk: bad, clock });
    await clock.pass(10_000);
    const { journal: next, recovery } = await opening;
    expect(recovery.damagedSegments).toBe(1);
    bad.badSectors.pop();
    const left = (await readAll(next, next.reader(0))).length;
    expect(left).toBeGreaterThanOrEqual(atLeast);
    expect(left).toBeLessThanOrEqual(atMost);
  }
});

test("megabytes in a row that the disk cannot read cost the newest segment no more than what lies in them", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 100; at++) await journal.append([draftOf(`event-${at}`, 100 * KiB)], "written");
  const path = newestSegment(disk);
  for (const { from, atLeast } of [
    { from: 2 * 1024 * KiB, atLeast: 68 },
    { from: 0, atLeast: 69 },
  ]) {
    const bad = disk.afterKill();
    bad.badSectors.push({ path, from, to: from + 3 * 1024 * KiB });
    const clock = new ManualClock();
    const opening = openTestJournal({ disk: bad, clock });
    await clock.pass(10_000);
    const { recovery } = await opening;
    expect(recovery.damagedSegments).toBe(1);
    expect(recovery.salvagedEvents).toBeGreaterThanOrEqual(atLeast);
  }
});

test("what lies behind a bad sector at the end of the newest segment is kept in damaged/", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 40; at++) await journal.append([draftOf(`event-${at}`, 1_000)], "written");
  const path = newestSegment(disk);
  const bad = disk.afterKill();
  const bytes = bad.files.get(path)?.bytes.length;
  bad.badSectors.push({ path, from: 20_000, to: 1e9 });
  const clock = new ManualClock();
  const opening = openTestJournal({ disk: bad, clock });
  await clock.pass(10_000);
  expect((await opening).recovery).toMatchObject({ damagedSegments: 1, truncatedBytes: 0 });
  expect([...bad.files].find(([name]) => name.includes("/damaged/"))?.[1].bytes).toHaveLength(bytes ?? 0);
});

test("a segment that the disk cannot read at all is moved aside, and the journal goes on", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 10; at++) await journal.append([draftOf(`event-${at}`, 500)], "written");
  const path = newestSegment(disk);
  const bad = disk.afterKill();
  bad.badSectors.push({ path, from: 0, to: 1e9 });
  const clock = new ManualClock();
  const opening = openTestJournal({ disk: bad, clock, config: small });
  await clock.pass(10_000);
  const { journal: next, recovery } = await opening;
  expect(recovery.damagedSegments).toBe(1);
  expect([...bad.files.keys()].filter((name) => name.includes("/damaged/"))).toHaveLength(1);
  expect((await readAll(next, next.reader(0))).length).toBeGreaterThan(5);
  await expect(next.append([draftOf("next")], "written")).resolves.toBeGreaterThanOrEqual(10);
});

test("a disk that fails for a moment while the journal is recovered costs nothing", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 10; at++) await journal.append([draftOf(`event-${at}`)], "written");
  const next = disk.afterKill();
  next.badSectors.push({ path: newestSegment(disk), from: 0, to: 1e9 });
  const clock = new ManualClock();
  const opening = openTestJournal({ disk: next, clock });
  await clock.pass(150);
  next.badSectors.pop();
  await clock.pass(300);
  const { journal: opened, recovery } = await opening;
  expect(recovery).toEqual({ truncatedBytes: 0, damagedSegments: 0, salvagedEvents: 0, foreignFiles: 0 });
  expect(await readAll(opened, opened.reader(0))).toHaveLength(10);
});

test("a disk that reads nothing when the journal is recovered is waited for: no segment is moved aside", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 10; at++) await journal.append([draftOf(`event-${at}`, 500)], "written");
  const next = disk.afterKill();
  for (const path of next.files.keys()) {
    if (path.endsWith(".seg")) next.badSectors.push({ path, from: 0, to: 1e9 });
  }
  next.files.delete("/journal/0/positions.json");
  const clock = new ManualClock();
  const opening = expect(openTestJournal({ disk: next, clock, config: small })).rejects.toMatchObject({
    code: "journal_unusable",
  });
  await clock.pass(10_000);
  await opening;
  expect([...next.files.keys()].filter((path) => path.includes("damaged"))).toEqual([]);
  next.badSectors.length = 0;
  const { journal: opened } = await openTestJournal({ disk: next, config: small });
  expect(await readAll(opened, opened.reader(0))).toHaveLength(10);
});

test("what an earlier process cut off its newest segment does not come back at a power cut", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("kept")], "synced");
  const file = disk.files.get(newestSegment(disk)) ?? { bytes: Buffer.alloc(0), modifiedMs: 0 };
  const { length } = file.bytes;
  // A whole record of an append that was refused, cut off again, and the process killed before that was synced.
  writeTo(file, Buffer.from(file.bytes.subarray(SEGMENT_HEADER_BYTES)), length);
  cutShort(file, length);
  await openTestJournal({ disk });
  // Of what was not synced this power cut keeps what was written, and not that it was cut short.
  disk.cutPower({ random: () => 0.4, names: "journaled" });
  expect(file.bytes).toHaveLength(length);
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
  const beyond = 100 + POSITION_GAP;
  expect([next.end, next.nextPosition]).toEqual([3, beyond]);
  const reader = next.reader(0);
  await expect(next.append([draftOf("next")], "written")).resolves.toBe(beyond);
  expect((await readAll(next, reader)).map((event) => event.position)).toEqual([0, 1, 2, beyond]);
  const { journal: last } = await reopen(nextDisk, 100);
  expect((await readAll(last, last.reader(3))).map((event) => event.position)).toEqual([beyond]);
});

test("a segment that was only just created holds nothing and harms nothing", async () => {
  for (const bytes of [0, 7, SEGMENT_HEADER_BYTES]) {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    await journal.append([draftOf("a")], "written");
    disk.files.set("/journal/0/0000000000000001.seg", { bytes: segmentHeader(1).subarray(0, bytes), modifiedMs: 0 });
    const { journal: next, recovery } = await reopen(disk);
    expect(recovery.damagedSegments).toBe(0);
    await expect(next.append([draftOf("b")], "written")).resolves.toBe(1 + POSITION_GAP);
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
  const first = 2 + POSITION_GAP;
  expect((await inMemory(2)).journal).toMatchObject({ first, end: first, durability: "memory" });
});

test("a directory that cannot be used is said to be so", async () => {
  const disk = new SimulatedDisk();
  disk.list = () => Promise.reject(new Error("permission denied"));
  await expect(openTestJournal({ disk })).rejects.toMatchObject({ code: "journal_unusable" });
});

test("a start is not refused over a file that is no segment, though a full disk has no room for damaged/, nor over one that cannot be moved at all", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  for (let at = 0; at < 3; at++) await journal.append([draftOf(String(at))], "written");
  for (const canRename of [true, false]) {
    const full = disk.afterKill();
    const foreign = "/journal/0/0000000000000007.seg";
    for (const path of ["/journal/0/notes.seg", foreign])
      full.files.set(path, { bytes: segmentHeader(2_000), modifiedMs: 0 });
    const refuse = () => Promise.reject(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
    full.mkdir = (path) => (path.endsWith("damaged") ? refuse() : Promise.resolve());
    if (!canRename) full.rename = refuse;
    for (let start = 0; start < 2; start++) {
      const { journal: next } = await openTestJournal({ disk: full });
      expect(await readAll(next, next.reader(0))).toHaveLength(3 + start);
      expect(await next.append([draftOf("next")], "written")).toBeGreaterThan(7);
    }
    expect(full.files.has(foreign)).toBe(!canRename);
    expect(full.files.has(`${foreign}.1`)).toBe(canRename);
  }
});

test("a directory and a link to nowhere that are named like segments are moved aside", async () => {
  using directory = temporaryDirectory();
  const slot = join(directory.path, "0");
  await mkdir(join(slot, "0000000000000005.seg"), { recursive: true });
  await symlink("/nowhere/at/all", join(slot, "0000000000000009.seg"));
  const { journal, recovery } = await openTestJournal({ config: { dir: directory.path } });
  expect(recovery.foreignFiles).toBe(2);
  await journal.append([draftOf("a")], "written");
  expect(await readAll(journal, journal.reader(0))).toHaveLength(1);
  await journal.close();
  expect(await readdir(join(slot, "damaged"))).toEqual(["0000000000000005.seg.1", "0000000000000009.seg.2"]);
});
