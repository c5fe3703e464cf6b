import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Journal, JournalReader } from "../core/journal.ts";
import { draftOf, ManualClock, openTestJournal, readAll } from "./journal-fixture.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const KiB = 1024;
const small = { maxBytes: 1024 * KiB, segmentBytes: 8 * KiB, tailBytes: 4 * KiB };

async function readOnce(reader: JournalReader, maxEvents: number, maxBytes: number, seen: number[]): Promise<void> {
  const events = await reader.read(maxEvents, maxBytes);
  expect(events.length).toBeLessThanOrEqual(maxEvents);
  const bytesButTheFirst = events.slice(1).reduce((sum, event) => sum + event.bytes.length, 0);
  expect(bytesButTheFirst).toBeLessThanOrEqual(maxBytes);
  seen.push(...events.map((event) => event.position));
}

test("a reader gets every position once and in order, in the tail, behind it, and across segments", async () => {
  const turns = fc.array(
    fc.record({ append: fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 12 }), reads: fc.nat(3) }),
    { minLength: 5, maxLength: 25 },
  );
  await fc.assert(
    fc.asyncProperty(
      turns,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 8_000 }),
      async (plan, maxEvents, maxBytes) => {
        const { journal } = await openTestJournal({ disk: new SimulatedDisk(), config: small });
        const reader = journal.reader(0);
        const seen: number[] = [];
        for (const { append, reads } of plan) {
          // Appending goes on while the reader waits for the disk.
          const appended = append.map((bytes) => journal.append([draftOf("e", bytes)], "written"));
          for (let at = 0; at < reads; at++) await readOnce(reader, maxEvents, maxBytes, seen);
          await Promise.all(appended);
        }
        while (reader.position < journal.end) await readOnce(reader, maxEvents, maxBytes, seen);
        expect(seen).toEqual(Array.from({ length: journal.end }, (_, position) => position));
        await journal.close();
      },
    ),
    { numRuns: 40 },
  );
});

test("an event larger than a chunk is read from disk", async () => {
  const { journal } = await openTestJournal({
    disk: new SimulatedDisk(),
    config: { ...small, maxBytes: 8 * 1024 * KiB },
  });
  await journal.append([draftOf("before")], "written");
  await journal.append([draftOf("large", 3 * 1024 * KiB)], "written");
  await journal.append([draftOf("after", 5 * KiB)], "written");
  const events = await readAll(journal, journal.reader(0), 10, 1);
  expect(events.map((event) => event.id)).toEqual(["before", "large", "after"]);
  expect(events[1]?.bytes.length).toBeGreaterThan(3 * 1024 * KiB);
});

test("a reader that keeps up is served from memory, at once", async () => {
  const { journal } = await openTestJournal({ disk: new SimulatedDisk() });
  const reader = journal.reader(0);
  await journal.append([draftOf("a"), draftOf("b")], "written");
  expect(reader.read(10, 1e6)).toMatchObject([{ id: "a" }, { id: "b" }]);
  expect(reader.read(10, 1e6)).toEqual([]);
});

test("a disk that cannot be read is waited for, and nothing is skipped", async () => {
  const disk = new SimulatedDisk();
  const retries: (() => void)[] = [];
  const clock = {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (delayMs: number, run: () => void) => {
      if (delayMs === 1_000) retries.push(run);
      return { cancel: () => {} };
    },
  };
  const { journal } = await openTestJournal({ disk, clock, config: small });
  for (let at = 0; at < 20; at++) await journal.append([draftOf(String(at), 1_000)], "written");
  disk.failing.add("read");
  const reader = journal.reader(0);
  const reading = reader.read(1, 1e6);
  await expect.poll(() => retries.length).toBe(1);
  disk.failing.clear();
  retries[0]?.();
  expect(await reading).toMatchObject([{ position: 0 }]);
  reader.close();

  disk.failing.add("read");
  const other = journal.reader(0);
  const abandoned = other.read(1, 1e6);
  await expect.poll(() => retries.length).toBe(2);
  other.close();
  expect(await abandoned).toEqual([]);
});

test("a reader that has caught up has no file open: a deleted one would take its room on a full disk", async () => {
  const disk = new SimulatedDisk();
  const { journal: before } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 20; at++) await before.append([draftOf(String(at), 1_000)], "written");
  const next = disk.afterKill();
  let openFiles = 0;
  const open = next.open.bind(next);
  next.open = async (path) => {
    const file = await open(path);
    openFiles++;
    return {
      read: (buffer, offset) => file.read(buffer, offset),
      close: () => {
        openFiles--;
        return file.close();
      },
    };
  };
  const { journal } = await openTestJournal({ disk: next, config: small });
  const reader = journal.reader(0);
  for (let read = 0; read < 20;) read += (await reader.read(7, 1e6)).length;
  expect([reader.position, openFiles]).toEqual([20, 0]);
});

test("a place that the disk cannot read costs the events in it, once it has been tried for ten seconds", async () => {
  const disk = new SimulatedDisk();
  const clock = new ManualClock();
  const { journal } = await openTestJournal({ disk, clock, config: small });
  for (let at = 0; at < 60; at++) await journal.append([draftOf(String(at), 1_000)], "written");
  disk.badSectors.push({ path: "/journal/0/0000000000000000.seg", from: 5_000, to: 5_001 });
  const reading = readAll(journal, journal.reader(0), 100, 1e6);
  await clock.pass(8_000);
  await expect(Promise.race([reading, Promise.resolve("waits")])).resolves.toBe("waits");
  await clock.pass(8_000);
  const events = await reading;
  expect(events.length).toBeGreaterThanOrEqual(55);
  expect(events.length).toBeLessThan(60);
  expect(events.at(-1)?.position).toBe(59);
});

test("megabytes in a row that the disk cannot read cost the events in them and no more, each after ten seconds", async () => {
  const disk = new SimulatedDisk();
  const clock = new ManualClock();
  const large = { maxBytes: 64 * 1024 * KiB, segmentBytes: 8 * 1024 * KiB, tailBytes: 4 * KiB };
  const { journal } = await openTestJournal({ disk, clock, config: large });
  for (let at = 0; at < 100; at++) await journal.append([draftOf(String(at), 100 * KiB)], "written");
  disk.badSectors.push({ path: "/journal/0/0000000000000000.seg", from: 2 * 1024 * KiB, to: 5 * 1024 * KiB });
  const reading = readAll(journal, journal.reader(0), 100, 1e6);
  await clock.pass(8_000);
  await expect(Promise.race([reading, Promise.resolve("waits")])).resolves.toBe("waits");
  let isRead = false;
  const ended = reading.finally(() => (isRead = true));
  for (let pass = 0; pass < 500 && !isRead; pass++) await clock.pass(1_000);
  const events = await ended;
  expect(events.length).toBeGreaterThanOrEqual(68);
  expect(events.length).toBeLessThan(72);
  expect(events.at(-1)?.position).toBe(99);
});

test("a disk that reads nothing is waited for; once the segment is moved away by hand the reader goes on behind it", async () => {
  const disk = new SimulatedDisk();
  const clock = new ManualClock();
  const { journal } = await openTestJournal({ disk, clock, config: small });
  for (let at = 0; at < 60; at++) await journal.append([draftOf(String(at), 1_000)], "written");
  disk.failing.add("read");
  const reader = journal.reader(0);
  const reading = reader.read(1, 1e6);
  await clock.pass(60_000);
  await expect(Promise.race([reading, Promise.resolve("waits")])).resolves.toBe("waits");
  disk.files.delete("/journal/0/0000000000000000.seg");
  await clock.pass(60_000);
  disk.failing.clear();
  await clock.pass(60_000);
  expect((await reading)[0]?.position).toBeGreaterThan(0);
});

test("readers skip damage in an older segment, and get all that is good behind it", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  for (let at = 0; at < 60; at++) await journal.append([draftOf(String(at), 1_000)], "written");
  const oldest = disk.files.get("/journal/0/0000000000000000.seg");
  oldest?.bytes.fill(0xaa, 3_000, 3_100);
  const events = await readAll(journal, journal.reader(0));
  expect(events).toHaveLength(59);
  expect(events.map((event) => event.position)).not.toContain(2);
  expect(events.at(-1)?.position).toBe(59);
});

test("a reader goes on at the oldest position when its own was deleted", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, config: small });
  const reader = journal.reader(0);
  for (let at = 0; at < 60; at++) await journal.append([draftOf(String(at), 1_000)], "written");
  journal.release(30);
  await expect.poll(() => journal.first).toBeGreaterThan(20);
  const events = await readAll(journal, reader);
  expect(events[0]?.position).toBe(journal.first);
  expect(events.at(-1)?.position).toBe(59);
});

const memory = (maxBytes: number): Journal => createMemoryJournal({ slot: "0", maxBytes });

test("a journal in memory holds what was appended until it is released, and refuses what does not fit", async () => {
  const journal = memory(2_000);
  const heard: number[] = [];
  journal.onAppend((events) => heard.push(...events.map((event) => event.position)));
  await expect(journal.append([draftOf("a", 500), draftOf("b", 500)], "written")).resolves.toBe(0);
  expect(heard).toEqual([0, 1]);
  await expect(journal.append([draftOf("c", 500)], "written")).rejects.toMatchObject({ code: "journal_full" });
  await expect(journal.append([draftOf("c", 1)], "synced")).rejects.toMatchObject({ code: "ack_unavailable" });
  journal.release(1);
  await expect(journal.append([draftOf("c", 500)], "written")).resolves.toBe(2);
  expect(journal.first).toBe(1);
  expect((await readAll(journal, journal.reader(0), 1, 1)).map((event) => event.id)).toEqual(["b", "c"]);
  journal.release(3);
  expect(journal.heldBytes).toBe(0);
  await journal.close();
});
