import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { Checkpoint } from "../core/ledger.ts";
import { CheckpointFile } from "./checkpoint-file.ts";
import { silent, temporaryDirectory } from "./journal-fixture.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

function checkpointAt(countedTo: number): Checkpoint {
  const tally = { accepted: countedTo, delivered: 1, deadLettered: 0, dropped: { filtered: 2 } };
  return {
    version: 1,
    countedTo,
    accepted: { web: countedTo },
    quarantined: {},
    sinks: { stream: { cursor: 1, missing: 0, tallies: { web: tally } } },
  };
}

const open = (disk: SimulatedDisk) => new CheckpointFile({ config: { dir: "/journal" }, slot: "0", log: silent, disk });
const CURRENT = "/journal/0/checkpoint.json";

test("what was saved is loaded, on the real disk too", async () => {
  using directory = temporaryDirectory();
  const config = { dir: directory.path };
  await mkdir(join(directory.path, "0"));
  const file = new CheckpointFile({ config, slot: "0", log: silent });
  expect(await file.load()).toBeUndefined();
  await file.save(checkpointAt(10));
  await file.save(checkpointAt(11));
  expect(await new CheckpointFile({ config, slot: "0", log: silent }).load()).toEqual(checkpointAt(11));

  const path = join(directory.path, "0", "checkpoint.json");
  await writeFile(path, (await readFile(path, "utf8")).replace('"countedTo":11', '"countedTo":91'));
  expect(await new CheckpointFile({ config, slot: "0", log: silent }).load()).toEqual(checkpointAt(10));
  expect(await readdir(join(directory.path, "0", "damaged"))).toEqual(["checkpoint.json.1"]);
});

test("what was filtered and what clients dropped is saved, and a checkpoint that has nothing of it is read", async () => {
  const disk = new SimulatedDisk();
  const full = {
    ...checkpointAt(10),
    filtered: { web: { bot: 2 } },
    clientDropped: { web: { queue_full: 3, other: 1 } },
  };
  for (const checkpoint of [full, checkpointAt(11)]) {
    await open(disk).save(checkpoint);
    expect(await open(disk).load()).toEqual(checkpoint);
  }
});

test("a damaged checkpoint gives way to the one before it, whichever byte is wrong", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await file.save(checkpointAt(10));
  await file.save(checkpointAt(20));
  const size = disk.files.get(CURRENT)?.bytes.length ?? 0;
  for (let at = 0; at < size - 1; at++) {
    const damaged = disk.afterKill();
    const bytes = damaged.files.get(CURRENT)?.bytes;
    bytes?.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    expect((await open(damaged).load())?.countedTo).toBe(10);
    expect((await open(damaged).load())?.countedTo).toBe(10);
  }
});

test("one of a newer version is set aside untouched, and so is every one before it that cannot be used", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await file.save(checkpointAt(10));
  await file.save(checkpointAt(20));
  const body = '{"version":2,"something":"new"}';
  const newer = Buffer.from(`{"crc32":${crc32(body)},"checkpoint":${body}}\n`);
  disk.files.set(CURRENT, { bytes: newer, modifiedMs: 0 });
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => lines.push(line) });
  const opened = new CheckpointFile({ config: { dir: "/journal" }, slot: "0", log, disk });
  expect((await opened.load())?.countedTo).toBe(10);
  expect(disk.files.get("/journal/0/damaged/checkpoint.json.1")?.bytes.equals(newer)).toBe(true);
  expect(lines[0]).toContain("of a newer version of Millrace");
  // The next that is set aside does not take its place.
  disk.files.set(CURRENT, { bytes: Buffer.from("{}"), modifiedMs: 0 });
  expect((await open(disk).load())?.countedTo).toBe(10);
  expect(disk.files.get("/journal/0/damaged/checkpoint.json.1")?.bytes.equals(newer)).toBe(true);
  expect(disk.files.has("/journal/0/damaged/checkpoint.json.2")).toBe(true);
});

test("a first save that a crash interrupted between its renames is not lost when the next one is interrupted too", async () => {
  const disk = new SimulatedDisk();
  await open(disk).save(checkpointAt(10));
  await disk.rename(CURRENT, "/journal/0/checkpoint.new.json");
  const file = open(disk);
  expect((await file.load())?.countedTo).toBe(10);
  disk.failing.add("sync");
  await expect(file.save(checkpointAt(20))).rejects.toThrow("EIO");
  disk.cutPower({ random: () => 0.5, names: "unordered" });
  disk.failing.clear();
  expect((await open(disk).load())?.countedTo).toBe(10);
});

test("one that the disk cannot read gives way to the one before it; a disk that reads nothing is waited for", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await file.save(checkpointAt(10));
  await file.save(checkpointAt(20));
  disk.failing.add("read");
  await expect(open(disk).load()).rejects.toMatchObject({ code: "journal_unusable" });
  disk.failing.clear();
  expect((await open(disk).load())?.countedTo).toBe(20);
  disk.badSectors.push({ path: CURRENT, from: 0, to: 10 });
  expect((await open(disk).load())?.countedTo).toBe(10);
});

test("a checkpoint, or its whole slot, that is deleted while the process runs is there again with the next save", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await file.save(checkpointAt(10));
  disk.files.delete(CURRENT);
  await file.save(checkpointAt(20));
  expect((await open(disk).load())?.countedTo).toBe(20);
  await file.save(checkpointAt(30));
  expect((await open(disk).load())?.countedTo).toBe(30);

  using directory = temporaryDirectory();
  const config = { dir: directory.path };
  await mkdir(join(directory.path, "0"));
  const real = new CheckpointFile({ config, slot: "0", log: silent });
  await real.save(checkpointAt(40));
  await rm(join(directory.path, "0"), { recursive: true });
  await real.save(checkpointAt(50));
  expect((await new CheckpointFile({ config, slot: "0", log: silent }).load())?.countedTo).toBe(50);
});

test("a kill at any moment of a save leaves the old checkpoint or the new one", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await file.save(checkpointAt(10));
  await file.save(checkpointAt(20));
  const moments: SimulatedDisk[] = [];
  const around = async (run: () => Promise<void>) => {
    moments.push(disk.afterKill());
    await run();
    moments.push(disk.afterKill());
  };
  const rename = disk.rename.bind(disk);
  const syncDirectory = disk.syncDirectory.bind(disk);
  disk.rename = (from, to) => around(() => rename(from, to));
  disk.syncDirectory = () => around(() => syncDirectory("/journal/0"));
  await file.save(checkpointAt(30));
  expect(moments).toHaveLength(6);
  for (const moment of moments) expect([20, 30]).toContain((await open(moment).load())?.countedTo);
});

test("a checkpoint that is replaced while it is looked for is read whole, the old one or the new", async () => {
  const disk = new SimulatedDisk();
  await open(disk).save(checkpointAt(1));
  const opening = disk.open.bind(disk);
  disk.open = async (path) => {
    disk.open = opening;
    await open(disk).save(checkpointAt(1_000_000_000));
    return opening(path);
  };
  expect((await open(disk).load())?.countedTo).toBe(1_000_000_000);
});

test("a damaged checkpoint that cannot be moved, on a full disk or at all, is passed over and replaced by the next save", async () => {
  for (const canRename of [true, false]) {
    const disk = new SimulatedDisk();
    const file = open(disk);
    await file.save(checkpointAt(10));
    await file.save(checkpointAt(20));
    disk.files.get(CURRENT)?.bytes.fill(0, 0, 50);
    const rename = disk.rename.bind(disk);
    const refuse = () => Promise.reject(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
    disk.mkdir = refuse;
    if (!canRename) disk.rename = refuse;
    const next = open(disk);
    expect((await next.load())?.countedTo).toBe(10);
    expect(disk.files.has(`${CURRENT}.1`)).toBe(canRename);
    disk.rename = rename;
    await next.save(checkpointAt(30));
    expect((await open(disk).load())?.countedTo).toBe(30);
    disk.files.get(CURRENT)?.bytes.fill(0, 0, 50);
    expect((await open(disk).load())?.countedTo).toBe(10);
  }
});

test("saves run one at a time, and of those that wait the latest is written for all", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await Promise.all([1, 2, 3, 4].map((at) => file.save(checkpointAt(at))));
  expect(disk.calls.sync).toBeLessThanOrEqual(2);
  expect((await open(disk).load())?.countedTo).toBe(4);
});

test("a save that the disk refuses rejects, keeps the old checkpoint, and the next one works", async () => {
  const disk = new SimulatedDisk();
  const file = open(disk);
  await file.save(checkpointAt(1));
  disk.room = 20;
  await expect(file.save(checkpointAt(2))).rejects.toMatchObject({ code: "ENOSPC" });
  expect((await open(disk.afterKill()).load())?.countedTo).toBe(1);
  disk.room = 1e9;
  await file.save(checkpointAt(3));
  expect((await open(disk).load())?.countedTo).toBe(3);
});
