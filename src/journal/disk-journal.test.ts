import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { draftOf, ManualClock, openTestJournal, readAll } from "./journal-fixture.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";
import { SimulatedDisk, type SimulatedWriter } from "./simulated-disk.ts";

const KiB = 1024;
/** Small enough that a few events fill segments and the budget. */
const small = { maxBytes: 32 * KiB, segmentBytes: 4 * KiB, tailBytes: 4 * KiB };

function bytesOnDisk(disk: SimulatedDisk): number {
  let bytes = 0;
  for (const [path, file] of disk.files) if (path.endsWith(".seg")) bytes += file.bytes.length;
  return bytes;
}

/** A disk with room for the header of each new segment, and for no event. */
class CountingDisk extends SimulatedDisk {
  takesOnlyHeaders = false;
  openSegments = 0;

  override createSync(path: string): SimulatedWriter {
    const file = super.createSync(path);
    if (!path.endsWith(".seg")) return file;
    this.openSegments++;
    const write = file.writeSync.bind(file);
    file.writeSync = (buffer, offset) => {
      if (this.takesOnlyHeaders && buffer.length > SEGMENT_HEADER_BYTES)
        throw Object.assign(new Error("full"), { code: "ENOSPC" });
      return write(buffer, offset);
    };
    file.close = () => {
      this.openSegments--;
      return Promise.resolve();
    };
    return file;
  }
}

describe("appending", () => {
  test("all that is appended in one turn is written by one call, shown to listeners, and only then acknowledged", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    const order: string[] = [];
    journal.onAppend((events) => order.push(`listener ${events.map((event) => event.id).join()}`));
    await journal.append([draftOf("a")], "written");
    disk.calls.write = 0;
    const appended = [
      journal.append([draftOf("b")], "written"),
      journal.append([draftOf("c"), draftOf("d")], "written"),
      journal.append([draftOf("e")], "written"),
    ];
    expect(journal.nextPosition).toBe(5);
    expect(journal.end).toBe(1);
    for (const append of appended) void append.then((position) => order.push(`ack ${position}`));
    await Promise.all(appended);
    expect(disk.calls.write).toBe(1);
    expect(order).toEqual(["listener a", "listener b,c,d,e", "ack 1", "ack 2", "ack 4"]);
    expect(journal.end).toBe(5);
  });

  test("synced waits for the disk, and one sync serves all who came while the last one ran", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    disk.calls.sync = 0;
    const sync = Promise.withResolvers<void>();
    disk.syncing = sync.promise;
    let synced = 0;
    const waiting: Promise<unknown>[] = [];
    for (let turn = 0; turn < 5; turn++) {
      waiting.push(journal.append([draftOf("s")], "synced").then(() => synced++));
      await journal.append([draftOf("w")], "written");
    }
    expect(synced).toBe(0);
    sync.resolve();
    await Promise.all(waiting);
    expect(disk.calls.sync).toBe(2);
    // The name of a new segment must survive a power cut as well.
    expect(disk.calls.syncDirectory).toBeGreaterThanOrEqual(2);
  });

  test("with durability disk, written waits for the sync too", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk, config: { durability: "disk" } });
    disk.calls.sync = 0;
    await journal.append([draftOf("a")], "written");
    expect(disk.calls.sync).toBe(1);
  });

  test("a failed sync rejects those who waited for it, and later ones work", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    disk.failing.add("sync");
    await expect(journal.append([draftOf("a")], "synced")).rejects.toMatchObject({ code: "journal_write_failed" });
    disk.failing.clear();
    await expect(journal.append([draftOf("b")], "synced")).resolves.toBe(1);
    expect(await readAll(journal, journal.reader(0))).toHaveLength(2);
  });

  test("a failure shows until an append works again, or for ten seconds, since none may come to try", async () => {
    const disk = new SimulatedDisk();
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    const { journal } = await openTestJournal({ disk, clock });
    disk.failing.add("create");
    await expect(journal.append([draftOf("a")], "written")).rejects.toThrow("EIO");
    expect(journal.failure).toBe("the journal could not be written: EIO");
    nowMs += 10_001;
    expect(journal.failure).toBeUndefined();
    await expect(journal.append([draftOf("a")], "written")).rejects.toThrow("EIO");
    disk.failing.clear();
    await journal.append([draftOf("a")], "written");
    expect(journal.failure).toBeUndefined();
    disk.failing.add("sync");
    await expect(journal.append([draftOf("b")], "synced")).rejects.toThrow("not synced");
    expect(journal.failure).toContain("not synced");
    disk.failing.clear();
    await journal.append([draftOf("c")], "synced");
    expect(journal.failure).toBeUndefined();
  });

  test("a failed sync also rejects those who came while it ran: their bytes are in the same file", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    disk.calls.sync = 0;
    const sync = Promise.withResolvers<void>();
    disk.syncing = sync.promise;
    const first = journal.append([draftOf("a")], "synced");
    await expect.poll(() => disk.calls.sync).toBe(1);
    const second = journal.append([draftOf("b")], "synced");
    await journal.append([draftOf("c")], "written");
    // The kernel reports what it could not write once: the next sync of the file succeeds.
    sync.reject(new Error("EIO"));
    disk.syncing = Promise.resolve();
    await expect(first).rejects.toMatchObject({ code: "journal_write_failed" });
    await expect(second).rejects.toMatchObject({ code: "journal_write_failed" });
    await expect(journal.append([draftOf("d")], "synced")).resolves.toBe(3);
  });

  test("after close nothing is taken, and what was pending is on disk", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    const pending = journal.append([draftOf("a")], "synced");
    await journal.close();
    await journal.close();
    await expect(pending).resolves.toBe(0);
    await expect(journal.append([draftOf("b")], "written")).rejects.toMatchObject({ code: "journal_write_failed" });
    const { journal: next } = await openTestJournal({ disk: disk.afterKill() });
    expect(next.end).toBe(1);
  });
});

describe("a disk that is full or refuses", () => {
  test("the group that did not fit is rejected whole, is never seen, and its positions go to the next", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    const seen: string[] = [];
    journal.onAppend((events) => seen.push(...events.map((event) => event.id)));
    await journal.append([draftOf("a")], "written");
    disk.room = 300;
    const rejected = await Promise.allSettled([
      journal.append([draftOf("b")], "written"),
      journal.append([draftOf("c")], "synced"),
    ]);
    expect(rejected).toMatchObject([{ reason: { code: "journal_full" } }, { reason: { code: "journal_full" } }]);
    expect(journal.nextPosition).toBe(1);
    disk.room = 1e9;
    await expect.poll(() => journal.isFull(1)).toBe(false);
    await expect(journal.append([draftOf("d")], "written")).resolves.toBe(1);
    expect(seen).toEqual(["a", "d"]);
    const { journal: next } = await openTestJournal({ disk: disk.afterKill() });
    expect((await readAll(next, next.reader(0))).map((event) => event.id)).toEqual(["a", "d"]);
  });

  test("the log says what is wrong with the disk and what to do, once for many failures", async () => {
    const disk = new SimulatedDisk();
    const lines: string[] = [];
    const log = pino({ level: "error" }, { write: (line: string) => lines.push(line) });
    const { journal } = await openTestJournal({ disk, log });
    disk.room = 0;
    for (const id of ["a", "b", "c"]) await journal.append([draftOf(id)], "written").catch(() => {});
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("the disk of the journal is full");
    expect(lines[0]).toContain("free space");
  });

  test("frames of a rejected group that could not be cut off do not come back to life", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    await journal.append([draftOf("a")], "written");
    // Room for the first whole frame of the group, and part of the second.
    disk.room = 300;
    disk.failing.add("truncate");
    await expect(journal.append([draftOf("b"), draftOf("c")], "written")).rejects.toMatchObject({
      code: "journal_full",
    });
    disk.room = 1e9;
    const afterFailure = disk.afterKill();
    // The segment is written again first.
    await expect.poll(() => journal.isFull(1), { timeout: 5_000 }).toBe(false);
    await expect(journal.append([draftOf("d")], "written")).resolves.toBe(1);
    expect((await readAll(journal, journal.reader(0))).map((event) => event.id)).toEqual(["a", "d"]);

    const { journal: next } = await openTestJournal({ disk: disk.afterKill() });
    expect((await readAll(next, next.reader(0))).map((event) => [event.position, event.id])).toEqual([
      [0, "a"],
      [1, "d"],
    ]);
    const { journal: other } = await openTestJournal({ disk: afterFailure });
    expect((await readAll(other, other.reader(0))).map((event) => event.id)).toEqual(["a"]);

    // The first segment was written again, so it does not take the second one to know where it ends.
    const deletedByHand = disk.afterKill();
    expect(deletedByHand.files.delete("/journal/0/0000000000000001.seg")).toBe(true);
    const { journal: last } = await openTestJournal({ disk: deletedByHand });
    expect((await readAll(last, last.reader(0))).map((event) => event.id)).toEqual(["a"]);
  });

  test("until a power cut can no longer bring a refused group back, no other event is given its positions", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const disk = new SimulatedDisk();
      const clock = new ManualClock();
      const { journal } = await openTestJournal({
        disk,
        clock,
        config: { unsynced: { maxMs: 60_000, maxBytes: 1e6 } },
      });
      await journal.append([draftOf("a")], "synced");
      // Room for the first whole frame of the group, and part of the second.
      disk.room = 300;
      const cutOff = Promise.withResolvers<void>();
      disk.syncing = cutOff.promise;
      await expect(journal.append([draftOf("b"), draftOf("c")], "written")).rejects.toMatchObject({
        code: "journal_full",
      });
      disk.room = 1e9;
      await clock.pass(200);
      await expect(journal.append([draftOf("d")], "written")).rejects.toMatchObject({ code: "journal_full" });
      if (seed % 2 === 0) {
        cutOff.resolve();
        await clock.pass(0);
        await expect(journal.append([draftOf("e")], "written")).resolves.toBe(1);
      }
      disk.cutPower({ random: seededRandom(seed), names: "unordered" });
      const { journal: next } = await openTestJournal({ disk: disk.afterKill() });
      const found = (await readAll(next, next.reader(0))).map(({ id }) => id).join("");
      outcomes.add(`${seed % 2 === 0 ? "cut off and synced" : "not synced"}: ${found}`);
      cutOff.resolve();
    }
    expect([...outcomes].toSorted()).toEqual([
      "cut off and synced: a",
      "cut off and synced: ae",
      "not synced: a",
      "not synced: ab",
    ]);
  });

  test("a disk that refuses one group after the other, with syncs that do not end, is given no file for each", async () => {
    const clock = new ManualClock();
    const disk = new CountingDisk();
    const { journal } = await openTestJournal({ disk, clock });
    await journal.append([draftOf("a")], "written");
    disk.takesOnlyHeaders = true;
    for (const slowly of [true, false]) {
      const sync = Promise.withResolvers<void>();
      if (slowly) disk.syncing = sync.promise;
      for (let at = 0; at < 100; at++) {
        await expect(journal.append([draftOf("b")], "written")).rejects.toMatchObject({ code: "journal_full" });
        await clock.pass(slowly ? 10 : 101);
      }
      expect(disk.openSegments).toBeLessThan(3);
      sync.resolve();
      await clock.pass(0);
    }
    disk.takesOnlyHeaders = false;
    await clock.pass(200);
    await expect(journal.append([draftOf("c")], "written")).resolves.toBe(1);
    await journal.close();
  });

  test("a disk that takes no new file rejects until it does", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    disk.failing.add("create");
    await expect(journal.append([draftOf("a")], "written")).rejects.toMatchObject({ code: "journal_write_failed" });
    disk.failing.clear();
    disk.room = 10;
    await expect(journal.append([draftOf("b")], "written")).rejects.toMatchObject({ code: "journal_full" });
    disk.room = 1e9;
    await expect.poll(() => journal.isFull(1)).toBe(false);
    await expect(journal.append([draftOf("c")], "written")).resolves.toBe(0);
    expect(await readAll(journal, journal.reader(0))).toMatchObject([{ position: 0, id: "c" }]);
  });
});

describe("the budget", () => {
  test("heldBytes is what lies on disk, never above maxBytes, and release makes room again", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk, config: small });
    let outcome: unknown;
    do {
      outcome = await journal.append([draftOf("e", 500)], "written").catch((error: unknown) => error);
      expect(journal.heldBytes).toBe(bytesOnDisk(disk));
      expect(journal.heldBytes).toBeLessThanOrEqual(small.maxBytes);
    } while (typeof outcome === "number");
    expect(outcome).toMatchObject({ code: "journal_full" });
    expect(journal.end).toBeGreaterThan(40);
    expect(journal.isFull(600)).toBe(true);
    journal.release(journal.end);
    await expect.poll(() => journal.isFull(600)).toBe(false);
    await expect.poll(() => journal.heldBytes === bytesOnDisk(disk)).toBe(true);
    expect(journal.first).toBeGreaterThan(0);
    await journal.append([draftOf("f")], "written");
  });

  test("only segments that lie wholly below the released position go", async () => {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk, config: small });
    for (let at = 0; at < 30; at++) await journal.append([draftOf(String(at), 500)], "written");
    journal.release(17);
    await expect.poll(() => journal.first).toBeGreaterThan(10);
    expect(journal.first).toBeLessThanOrEqual(17);
    const kept = await readAll(journal, journal.reader(17));
    expect(kept.map((event) => event.position)).toEqual(Array.from({ length: 13 }, (_, at) => at + 17));
  });

  test("what is forgotten is read from the disk again, and what is not is still in memory", async () => {
    const { journal } = await openTestJournal({ disk: new SimulatedDisk(), config: { ...small, tailBytes: 64 * KiB } });
    for (let index = 0; index < 20; index++) await journal.append([draftOf(`e${index}`)], "written");
    journal.forget(10);
    const isInMemory = (position: number): boolean => !(journal.reader(position).read(1, KiB) instanceof Promise);
    expect([9, 10].map(isInMemory)).toEqual([false, true]);
    const all = await readAll(journal, journal.reader(0));
    expect(all.map((event) => event.id)).toEqual(Array.from({ length: 20 }, (_, index) => `e${index}`));
  });

  test("a group as large as the budget does not block the journal once it is released", async () => {
    const { journal } = await openTestJournal({ disk: new SimulatedDisk(), config: small });
    await journal.append([draftOf("large", 31 * KiB)], "written");
    expect(journal.isFull(31 * KiB)).toBe(true);
    journal.release(journal.end);
    await expect.poll(() => journal.isFull(31 * KiB)).toBe(false);
    await expect(journal.append([draftOf("large too", 31 * KiB)], "written")).resolves.toBe(1);
  });

  test("released segments stay for retainMs, whatever the wall clock says, unless their room is needed", async () => {
    const disk = new SimulatedDisk();
    let nowMs = 0;
    let jumpMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + jumpMs, monotonicMs: () => nowMs };
    const { journal } = await openTestJournal({ disk, clock, config: { ...small, retainMs: 60_000 } });
    for (let at = 0; at < 20; at++) await journal.append([draftOf("e", 500)], "written");
    jumpMs = 10 * 365 * 86_400_000;
    journal.release(journal.end);
    await new Promise(setImmediate);
    expect(await readAll(journal, journal.reader(0))).toHaveLength(20);
    jumpMs = -jumpMs;
    nowMs += 61_000;
    journal.release(journal.end);
    await expect.poll(() => journal.first).toBeGreaterThan(0);

    for (let at = 0; at < 200; at++) {
      await journal.append([draftOf("e", 500)], "written");
      journal.release(journal.end);
    }
    expect(journal.heldBytes).toBeGreaterThan(20 * KiB);
    await expect.poll(() => bytesOnDisk(disk)).toBeLessThanOrEqual(small.maxBytes);
  });

  test("a restart goes on counting the time for which released segments stay", async () => {
    const disk = new SimulatedDisk();
    const clock = new ManualClock();
    const pass = async (ms: number): Promise<void> => {
      disk.nowMs += ms;
      await clock.pass(ms);
    };
    disk.nowMs = clock.nowMs();
    const config = { ...small, retainMs: 60_000 };
    const { journal } = await openTestJournal({ disk, clock, config });
    for (let at = 0; at < 20; at++) await journal.append([draftOf("e", 500)], "written");
    await journal.close();
    await pass(40_000);
    const { journal: next } = await openTestJournal({ disk, clock, config, neededFrom: 20, atLeast: 20 });
    next.release(next.end);
    await pass(10_000);
    expect(next.first).toBe(0);
    await pass(11_000);
    next.release(next.end);
    await expect.poll(() => next.first).toBeGreaterThan(0);
    await next.close();
  });
});
