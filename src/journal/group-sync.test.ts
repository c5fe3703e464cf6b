import { describe, expect, test } from "vitest";
import { Registry } from "prom-client";
import { seededRandom } from "../core/seeded-random.ts";
import { draftOf, ManualClock, openTestJournal, readAll } from "./journal-fixture.ts";
import { createJournalMetrics } from "./metrics.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const KiB = 1024;

async function open(disk = new SimulatedDisk(), unsynced = { maxMs: 1_000, maxBytes: 64 * KiB }) {
  const clock = new ManualClock();
  const registry = new Registry();
  const metrics = createJournalMetrics(registry);
  const { journal } = await openTestJournal({ disk, clock, metrics, config: { unsynced, segmentBytes: 1024 * KiB } });
  disk.calls.sync = 0;
  const value = async (name: string) => {
    const metric = await registry.getSingleMetric(`millrace_journal_${name}`)?.get();
    return metric?.values[0]?.value;
  };
  return { disk, clock, journal, value };
}

/** What the next process finds after the power was cut. By default no byte is left that was not synced. */
async function afterPowerCut(disk: SimulatedDisk, random: () => number = () => 0): Promise<string[]> {
  disk.cutPower({ random, names: "unordered" });
  const { journal } = await openTestJournal({ disk: disk.afterKill() });
  return (await readAll(journal, journal.reader(0))).map(({ id }) => id);
}

describe("with durability os", () => {
  test("what is written is synced within maxMs, and nothing is when nothing is written", async () => {
    const { disk, clock, journal, value } = await open();
    await clock.pass(10_000);
    expect(disk.calls.sync).toBe(0);
    await journal.append([draftOf("a")], "written");
    await clock.pass(400);
    await journal.append([draftOf("b")], "written");
    expect(disk.calls.sync).toBe(0);
    expect(await value("unsynced_seconds")).toBe(0.4);
    await clock.pass(200);
    expect(disk.calls.sync).toBe(1);
    expect(await value("unsynced_bytes")).toBe(0);
    await clock.pass(10_000);
    expect(disk.calls.sync).toBe(1);
    expect(await afterPowerCut(disk)).toEqual(["a", "b"]);
  });

  test("half of maxBytes begins a sync at once", async () => {
    const { disk, clock, journal } = await open();
    await journal.append([draftOf("a", 20 * KiB)], "written");
    expect(disk.calls.sync).toBe(0);
    await journal.append([draftOf("b", 20 * KiB)], "written");
    await clock.pass(0);
    expect(disk.calls.sync).toBe(1);
  });

  test("while a sync takes its time, no more is acknowledged than maxBytes and maxMs allow, and then it is", async () => {
    for (const limit of ["bytes", "age"] as const) {
      const { disk, clock, journal, value } = await open();
      const sync = Promise.withResolvers<void>();
      disk.syncing = sync.promise;
      const acknowledged: string[] = [];
      const appends: Promise<unknown>[] = [];
      for (let at = 0; at < 20; at++) {
        const id = `${limit}-${at}`;
        const append = journal.append([draftOf(id, limit === "bytes" ? 10 * KiB : 10)], "written");
        appends.push(append.then(() => acknowledged.push(id)));
        await clock.pass(limit === "bytes" ? 1 : 100);
      }
      // 6 events of 10 KiB with their framing are within 64 KiB; at 1,000 ms ten have had their 100.
      expect(acknowledged).toHaveLength(limit === "bytes" ? 6 : 11);
      expect(await value("held_back_events_total")).toBe(20 - acknowledged.length);
      expect(journal.end).toBe(20);
      sync.resolve();
      await Promise.all(appends);
      expect(acknowledged).toHaveLength(20);
      expect((await afterPowerCut(disk)).length).toBe(20);
    }
  });

  test("a power cut at any moment takes at most maxBytes and the last maxMs of what was acknowledged", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed);
      const limits = { maxMs: 200, maxBytes: 64 * KiB };
      const { disk, clock, journal } = await open(new SimulatedDisk(), limits);
      const acknowledged = new Map<string, { bytes: number; atMs: number }>();
      let hung: PromiseWithResolvers<void> | undefined;
      for (let step = 0; step < 60; step++) {
        const what = random();
        if (what < 0.05 && hung === undefined) {
          hung = Promise.withResolvers();
          disk.syncing = hung.promise;
        } else if (what < 0.1) {
          hung?.resolve();
          hung = undefined;
          disk.syncing = Promise.resolve();
        } else if (what < 0.15) {
          disk.failing.add("sync");
        } else if (what < 0.25) {
          disk.failing.clear();
        }
        const id = `event-${step}`;
        const bytes = Math.floor(random() * 12 * KiB);
        const told = () => acknowledged.set(id, { bytes, atMs: clock.monotonicMs() });
        void journal.append([draftOf(id, bytes)], "written").then(told, () => {});
        await clock.pass(Math.floor(random() * 60));
      }
      const found = new Set(await afterPowerCut(disk, seed % 2 === 0 ? random : undefined));
      const lost = [...acknowledged].filter(([id]) => !found.has(id)).map(([, told]) => told);
      const lostBytes = lost.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(lostBytes, `seed ${seed}`).toBeLessThanOrEqual(limits.maxBytes);
      const times = lost.map(({ atMs }) => atMs);
      // Acknowledged within one span of maxMs: when the disk hangs, that is not the last one.
      expect(Math.max(...times, 0) - Math.min(...times, Number.POSITIVE_INFINITY), `seed ${seed}`).toBeLessThanOrEqual(
        limits.maxMs,
      );
      hung?.resolve();
    }
  });
});

describe("a sync that fails", () => {
  test("in the background: what it was to cover is written again, and until then nothing is acknowledged unsynced", async () => {
    const { disk, clock, journal, value } = await open();
    await journal.append([draftOf("a"), draftOf("b")], "written");
    disk.failing.add("sync");
    await clock.pass(600);
    expect(await value("failed_syncs_total")).toBe(1);
    disk.failing.add("create");
    disk.failing.delete("sync");
    // A new segment cannot be created either: what is appended is refused, not acknowledged.
    await expect(journal.append([draftOf("c")], "written")).rejects.toMatchObject({ code: "journal_write_failed" });
    disk.failing.clear();
    disk.calls.sync = 0;
    await journal.append([draftOf("d")], "written");
    expect(disk.calls.sync).toBeGreaterThan(0);
    expect(await value("held_back_events_total")).toBe(1);
    await clock.pass(2_000);
    expect([await value("rewritten_segments_total"), await value("unsynced_bytes")]).toEqual([1, 0]);
    disk.calls.sync = 0;
    await journal.append([draftOf("e")], "written");
    expect(disk.calls.sync).toBe(0);
    await clock.pass(1_000);
    expect(await readAll(journal, journal.reader(0))).toHaveLength(4);
    expect(await afterPowerCut(disk)).toEqual(["a", "b", "d", "e"]);
  });

  test("is not made up for by a later one: without the rewrite the events would be gone", async () => {
    const { disk, clock, journal } = await open();
    await journal.append([draftOf("a")], "written");
    disk.failing.add("sync");
    await clock.pass(600);
    disk.failing.clear();
    // The disk is well again, and one second has not passed: the next sync covers what is new only.
    await journal.append([draftOf("b")], "synced");
    expect(await afterPowerCut(disk)).toEqual(["b"]);
  });

  test("of what every sink has had is let go", async () => {
    const { disk, clock, journal, value } = await open();
    await journal.append([draftOf("a")], "written");
    disk.failing.add("sync");
    await clock.pass(600);
    journal.release(1);
    await clock.pass(2_000);
    expect([await value("rewritten_segments_total"), await value("unsynced_bytes")]).toEqual([0, 0]);
  });
});

describe("a segment that is written again", () => {
  const copies = (disk: SimulatedDisk) => [...disk.files.keys()].filter((path) => path.endsWith(".salvage"));

  test("leaves no copy on a disk that has no room for it, and is there once there is", async () => {
    const { disk, clock, journal, value } = await open();
    await journal.append([draftOf("a", 10 * KiB)], "written");
    disk.failing.add("sync");
    await clock.pass(600);
    disk.failing.clear();
    disk.room = 4 * KiB;
    await clock.pass(3_000);
    expect([copies(disk), await value("rewritten_segments_total")]).toEqual([[], 0]);
    disk.room = 1e9;
    await clock.pass(1_000);
    expect(await value("rewritten_segments_total")).toBe(1);
    expect(await afterPowerCut(disk)).toEqual(["a"]);
  });

  test("does not come back when every sink has had it by the time it is copied", async () => {
    const { disk, clock, journal, value } = await open();
    await journal.append([draftOf("a")], "written");
    disk.failing.add("sync");
    await clock.pass(600);
    disk.failing.clear();
    const sync = Promise.withResolvers<void>();
    disk.syncing = sync.promise;
    await clock.pass(1_500);
    expect(copies(disk)).toHaveLength(1);
    journal.release(1);
    await clock.pass(0);
    sync.resolve();
    await clock.pass(2_000);
    expect([...disk.files.keys()].filter((path) => path.includes(".seg"))).toEqual([]);
    expect([await value("rewritten_segments_total"), await value("unsynced_bytes")]).toEqual([0, 0]);
  });
});

test("what a start finds and cannot sync is written again", async () => {
  const disk = new UnsyncableDisk();
  const before = await open(disk);
  await before.journal.append([draftOf("a")], "written");
  // The process is killed. The next one is told once that the disk could not write what it had been given.
  disk.failsOnce = true;
  const { journal, clock, value } = await open(disk);
  expect(disk.failsOnce).toBe(false);
  await journal.append([draftOf("b")], "written");
  await clock.pass(2_000);
  expect([await value("rewritten_segments_total"), await value("unsynced_bytes")]).toEqual([1, 0]);
  expect(await afterPowerCut(disk)).toEqual(["a", "b"]);
});

class UnsyncableDisk extends SimulatedDisk {
  failsOnce = false;

  override async datasync(path: string): Promise<void> {
    if (!this.failsOnce) return super.datasync(path);
    this.failsOnce = false;
    this.beginSync(path).fail();
    return Promise.reject(Object.assign(new Error("EIO: simulated"), { code: "EIO" }));
  }
}

describe("a sync that does not end", () => {
  test("is waited for ten seconds; then those who wait are told, nothing more is taken, and it is said why", async () => {
    const { disk, clock, journal } = await open();
    const sync = Promise.withResolvers<void>();
    disk.syncing = sync.promise;
    const waiting = journal.append([draftOf("a")], "synced");
    const told = waiting.catch((error: unknown) => error);
    await clock.pass(9_900);
    expect(journal.isFull(1)).toBe(false);
    await clock.pass(200);
    expect(await told).toMatchObject({ code: "journal_write_failed" });
    expect(journal.isFull(1)).toBe(true);
    expect(journal.failure).toContain("not finished a sync for more than 10 s");
    await expect(journal.append([draftOf("b")], "written")).rejects.toMatchObject({
      code: "journal_write_failed",
      message: expect.stringContaining("not finished a sync"),
    });
    sync.resolve();
    await clock.pass(0);
    expect(journal.isFull(1)).toBe(false);
    await journal.append([draftOf("c")], "synced");
    expect(journal.failure).toBeUndefined();
    expect((await readAll(journal, journal.reader(0))).map(({ id }) => id)).toEqual(["a", "c"]);
  });
});

describe("files that are deleted from outside while they are written to", () => {
  test("are there again within a second, with all that was in them", async () => {
    const { disk, clock, journal, value } = await open();
    await journal.append([draftOf("a")], "synced");
    await clock.pass(1_000);
    disk.files.delete("/journal/0/0000000000000000.seg");
    await journal.append([draftOf("b")], "written");
    await clock.pass(1_000);
    expect(await value("rewritten_segments_total")).toBe(1);
    expect(await afterPowerCut(disk)).toEqual(["a", "b"]);
  });
});

test("while every sync fails only so many segments wait to be written again, and all goes on by itself afterwards", async () => {
  const { disk, clock, journal } = await open();
  disk.failing.add("sync");
  let refused = 0;
  for (let at = 0; at < 50; at++) {
    const appended = journal.append([draftOf(`event-${at}`)], "synced");
    const told = appended.then(
      () => "taken",
      (error: Error) => error.message,
    );
    await clock.pass(20);
    if ((await told).includes("fails every sync")) refused++;
  }
  expect(refused).toBeGreaterThan(30);
  expect([...disk.files.keys()].filter((name) => name.endsWith(".seg")).length).toBeLessThan(20);
  disk.failing.clear();
  await clock.pass(3_000);
  expect(journal.isFull(1)).toBe(false);
  await journal.append([draftOf("later")], "synced");
  expect(await afterPowerCut(disk)).toContain("later");
});

test("after a clean end nothing is left unsynced, whatever the durability", async () => {
  for (const durability of ["os", "disk"] as const) {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk, config: { durability } });
    await journal.append([draftOf("a"), draftOf("b")], "written");
    await journal.close();
    expect(await afterPowerCut(disk)).toEqual(["a", "b"]);
  }
});
