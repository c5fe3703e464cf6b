import * as fc from "fast-check";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { CheckpointFile } from "./checkpoint-file.ts";
import { draftOf, openTestJournal, silent, temporaryDirectory } from "./journal-fixture.ts";
import { POSITION_GAP } from "./positions-file.ts";
import { segmentHeader } from "./segment-header.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { inspectSlot } from "./slot-inspection.ts";
import { lockSlot } from "./slot-lock.ts";
import { verifySlot } from "./slot-verification.ts";

const SLOT = "/journal/0";
const small = { segmentBytes: 64 * 1024, maxBytes: 16 * 1024 * 1024 };

/** A slot with 200 events in some segments, all owed to sink `files` and all but the first 50 to sink `stream`. */
async function usedSlot(disk: SimulatedDisk, durability: "os" | "disk" = "os") {
  const { journal } = await openTestJournal({ disk, config: { ...small, durability } });
  const ledger = new Ledger();
  for (const sink of ["stream", "files"]) ledger.open(sink);
  journal.onAppend((events) => ledger.accept(events));
  for (let at = 0; at < 200; at++) await journal.append([draftOf(`event-${at}`, 1_000)], "written");
  ledger.settle("stream", 50, [{ source: "web", outcome: { kind: "delivered" }, events: 50 }]);
  const checkpoints = new CheckpointFile({ config: { dir: "/journal" }, slot: "0", log: silent, disk });
  await checkpoints.save(ledger.checkpoint());
  return { journal, ledger, checkpoints };
}

const verify = (disk: SimulatedDisk) => verifySlot(SLOT, () => {}, disk);

function segmentsOf(disk: SimulatedDisk): string[] {
  return [...disk.files.keys()].filter((path) => path.endsWith(".seg")).toSorted();
}

test("a journal that was closed, or killed, is sound, and what its sinks hold is all there", async () => {
  for (const closes of [true, false]) {
    const disk = new SimulatedDisk();
    const { journal } = await usedSlot(disk);
    if (closes) await journal.close();
    expect(await verify(disk)).toMatchObject({
      events: 200,
      damage: [],
      unfinishedBytes: 0,
      sound: true,
      sinks: [
        { sink: "stream", cursor: 50, held: 150, found: 150, missing: 0 },
        { sink: "files", cursor: 0, held: 200, found: 200, missing: 0 },
      ],
    });
    expect(await inspectSlot(SLOT, disk)).toMatchObject({
      ended: closes ? "cleanly" : "not cleanly",
      first: 0,
      end: 200,
      checkpoint: { state: "sound", countedTo: 200, sinks: [{ held: 150 }, { held: 200 }] },
      damaged: [],
    });
  }
});

test("whichever byte is wrong, the file is named, the place is within what is listed, and nothing is changed by looking", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await usedSlot(disk);
  await journal.close();
  const paths = segmentsOf(disk);
  expect(paths.length).toBeGreaterThan(3);
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, where, flip) => {
      const damaged = disk.afterKill();
      const path = paths[which % paths.length] ?? "";
      const bytes = damaged.files.get(path)?.bytes ?? Buffer.alloc(1);
      const at = where % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(at) ^ flip, at);
      const before = new Map([...damaged.files].map(([name, file]) => [name, Buffer.from(file.bytes)]));

      const found = await verify(damaged);
      expect(found.sound).toBe(false);
      const [damage] = found.damage;
      // The last record of all cannot be told from one that was never finished: but the ledger knows of it.
      const isListed =
        damage === undefined
          ? path === paths.at(-1) && found.unfinishedBytes > 0 && found.sinks.every(({ missing }) => missing === 1)
          : path.endsWith(damage.file) && (damage.offset ?? 0) <= at && at < (damage.offset ?? 0) + (damage.bytes ?? 0);
      expect(isListed).toBe(true);
      expect(new Map([...damaged.files].map(([name, file]) => [name, file.bytes]))).toEqual(before);
    }),
    { numRuns: 100 },
  );
});

test("a segment that is gone is found by what the sinks are owed", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await usedSlot(disk);
  await journal.close();
  disk.files.delete(segmentsOf(disk)[1] ?? "");
  const { sinks, sound, events } = await verify(disk);
  expect([sound, events < 200]).toEqual([false, true]);
  expect(sinks.map(({ missing }) => missing)).toEqual([200 - events, 200 - events]);
});

test("segments and checkpoints of a newer version, and foreign files, are listed as what they are", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await usedSlot(disk);
  await journal.close();
  const newer = segmentHeader(500);
  newer.writeUInt32LE(3, 8);
  newer.writeUInt32LE(crc32(newer.subarray(0, 20)), 20);
  disk.files.set(`${SLOT}/0000000000000500.seg`, { bytes: Buffer.concat([newer, Buffer.alloc(50)]), modifiedMs: 0 });
  disk.files.set(`${SLOT}/0000000000000600.seg`, {
    bytes: Buffer.concat([segmentHeader(7), Buffer.alloc(50)]),
    modifiedMs: 0,
  });
  const body = '{"version":2}';
  disk.files.set(`${SLOT}/checkpoint.json`, {
    bytes: Buffer.from(`{"crc32":${crc32(body)},"checkpoint":${body}}\n`),
    modifiedMs: 0,
  });
  const { damage } = await verify(disk);
  expect(damage.map(({ file, problem }) => [file, problem])).toEqual([
    ["checkpoint.json", expect.stringContaining("newer Millrace")],
    ["0000000000000500.seg", expect.stringContaining("version 3")],
    ["0000000000000600.seg", expect.stringContaining("not the segment that its name says")],
  ]);
  expect((await inspectSlot(SLOT, disk)).checkpoint).toEqual({ state: "newer" });
});

test("positions that a start after a crash left free are no damage", async () => {
  const disk = new SimulatedDisk();
  await usedSlot(disk);
  const { journal } = await openTestJournal({ disk, config: small, atLeast: 200 });
  await journal.append([draftOf("after")], "written");
  expect(await verify(disk)).toMatchObject({ events: 201, sound: true });
  expect((await inspectSlot(SLOT, disk)).end).toBe(201 + POSITION_GAP);
});

test("a journal that is written to, and whose segments are deleted, while it is read is never called damaged", async () => {
  using directory = temporaryDirectory();
  const lock = await lockSlot({ dir: directory.path }, "0");
  const { journal } = await openTestJournal({ config: { ...small, dir: directory.path } });
  const ledger = new Ledger();
  ledger.open("stream");
  const checkpoints = new CheckpointFile({ config: { dir: directory.path }, slot: "0", log: silent });
  journal.onAppend((events) => ledger.accept(events));
  let isDone = false;
  const writing = (async () => {
    while (!isDone) {
      for (let at = 0; at < 50; at++) await journal.append([draftOf("event", 4_000)], "written");
      const cursor = Math.max(0, ledger.countedTo - 30);
      const events = cursor - ledger.cursor("stream");
      ledger.settle("stream", cursor, [{ source: "web", outcome: { kind: "delivered" }, events }]);
      await checkpoints.save(ledger.checkpoint());
      journal.release(cursor);
    }
  })();
  const slot = `${directory.path}/0`;
  for (let round = 0; round < 40; round++) {
    const found = await verifySlot(slot, () => {});
    expect(found).toMatchObject({ process: process.pid, damage: [], sound: true });
  }
  isDone = true;
  await writing;
  expect(journal.first).toBeGreaterThan(0);
  await journal.close();
  await lock.release();
  const { process: holder, ended } = await inspectSlot(slot);
  expect([holder, ended]).toEqual([undefined, "cleanly"]);
});
