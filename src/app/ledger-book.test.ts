import { expect, test } from "vitest";
import type { Journal } from "../core/journal.ts";
import { summarize } from "../core/ledger-summary.ts";
import { draftOf } from "../journal/journal-fixture.ts";
import { SimulatedDisk } from "../journal/simulated-disk.ts";
import { ledgerReport } from "./ledger-report.ts";
import { memorySink, openSlot, patientSink } from "./slot-fixture.ts";

const FIRST_SEGMENT = "/journal/0/0000000000000000.seg";

/** Events of two sources, with bodies of 1,000 bytes. */
async function write(journal: Journal, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const source = at % 3 === 0 ? "app" : "web";
    await journal.append([{ ...draftOf(String(at), 1_000), source }], "written");
  }
}

/** What a process that was killed has left: 300 events held for `sink`, of which three are damaged since. */
async function damagedJournal(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("sink")]);
  await first.start();
  await write(first.journal, 300);
  await first.book.flush();
  const damaged = disk.afterKill();
  damaged.files.get(FIRST_SEGMENT)?.bytes.fill(0xaa, 3_500, 5_500);
  return damaged;
}

test("an event acknowledged before the first checkpoint was saved is owed after a kill", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("late")]);
  await write(first.journal, 3);
  await using second = await openSlot(disk.afterKill(), [memorySink({ name: "late" })]);
  expect(second.ledger.held("late")).toBe(3);
  await second.start();
  await expect.poll(() => second.ledger.held("late")).toBe(0);
  expect(second.ledger.rows()).toMatchObject([{ delivered: 1 }, { delivered: 2 }]);
});

test("a sink that was added is owed what came since, also after a kill at once", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("old")]);
  await first.start();
  await write(first.journal, 2);
  await first.pipelines.apply([patientSink("old"), patientSink("new")]);
  await write(first.journal, 3);
  await using second = await openSlot(disk.afterKill(), [patientSink("old"), patientSink("new")]);
  expect([second.ledger.held("old"), second.ledger.held("new")]).toEqual([5, 3]);
});

test("a sink that was added while nothing could be saved is owed what came since, after a kill", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("old")]);
  await first.start();
  await write(first.journal, 2);
  await first.book.flush();
  disk.failing.add("create");
  await first.pipelines.apply([patientSink("old"), patientSink("new")]);
  await write(first.journal, 3);
  await using second = await openSlot(disk.afterKill(), [patientSink("old"), patientSink("new")]);
  await second.start();
  expect([second.ledger.held("old"), second.ledger.held("new")]).toEqual([5, 3]);
});

test("without a readable checkpoint everything in the journal is owed", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("late")]);
  await first.start();
  await write(first.journal, 20);
  await first.book.flush();
  const killed = disk.afterKill();
  for (const [path, { bytes }] of killed.files) if (path.includes("checkpoint")) bytes.fill(0, 0, 50);
  await using second = await openSlot(killed, [patientSink("late")]);
  expect(second.ledger.held("late")).toBe(20);
  expect(second.ledger.balances()).toBe(true);
});

test("events found damaged while they are read are written off by source, though the journal keeps growing", async () => {
  const damaged = await damagedJournal();
  await using second = await openSlot(damaged, [memorySink({ name: "sink", maxEvents: 50, maxAgeMs: 900_000 })]);
  await second.start();
  await write(second.journal, 7);
  // The last events wait for a full batch, so the cursor never reaches the end.
  await expect.poll(() => second.ledger.cursor("sink")).toBeGreaterThan(200);
  await expect.poll(() => second.ledger.lacking("sink")).toBe(0);
  const lost = second.ledger.rows().map(({ dropped }) => dropped["journal_damaged"] ?? 0);
  expect(lost).toEqual([1, 2]);
  expect(second.book.lostEvents).toBe(3);
  expect(second.ledger.balances()).toBe(true);
});

test("what a pipeline has in memory is not written off, though its segment is gone", async () => {
  const damaged = await damagedJournal();
  await using second = await openSlot(damaged, [memorySink({ name: "sink", maxEvents: 50, maxAgeMs: 900_000 })]);
  await second.start();
  await expect.poll(() => second.ledger.cursor("sink")).toBeGreaterThan(200);
  expect(second.ledger.lacking("sink")).toBe(3);
  damaged.files.delete(FIRST_SEGMENT);
  await expect.poll(() => second.ledger.lacking("sink")).toBe(0);
  await second.pipelines.drain(1_000);
  expect(second.ledger.rows().map(({ dropped, held }) => [dropped["journal_damaged"], held])).toEqual([
    [1, 0],
    [2, 0],
  ]);
  expect(second.ledger.balances()).toBe(true);
});

test("a kill before lost events are written off leaves a checkpoint that the next start reads, and writes them off", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("sink")]);
  await write(first.journal, 20);
  // The cursor passed ten events and six positions where there was nothing to be found.
  await first.start();
  first.ledger.settle("sink", 16, [{ source: "web", outcome: { kind: "delivered" }, events: 10 }], 6);
  expect(first.book.lostEvents).toBe(6);
  first.book.changed();
  await first.book.flush();
  await using second = await openSlot(disk.afterKill(), [patientSink("sink")]);
  expect(second.ledger.cursor("sink")).toBe(16);
  expect(second.ledger.rows()).toMatchObject([
    { source: "app", accepted: 7, delivered: 0, dropped: { journal_damaged: 6 }, held: 1 },
    { source: "web", accepted: 13, delivered: 10, dropped: {}, held: 3 },
  ]);
  expect(second.book.lostEvents).toBe(0);
});

test("events that a power cut took off the journal's end are written off, and new ones continue above them", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("sink")]);
  await first.start();
  await write(first.journal, 20);
  await first.book.flush();
  const cut = disk.afterKill();
  const segment = cut.files.get(FIRST_SEGMENT);
  if (segment !== undefined) segment.bytes = segment.bytes.subarray(0, 5_000);
  await using second = await openSlot(cut, [memorySink({ name: "sink" })]);
  expect(second.ledger.rows().map(({ held, dropped }) => [held, dropped["journal_damaged"]])).toEqual([
    [2, 5],
    [2, 11],
  ]);
  await second.start();
  expect(await second.journal.append([draftOf("next")], "written")).toBeGreaterThanOrEqual(20);
  await expect.poll(() => second.ledger.held("sink")).toBe(0);
  expect(second.ledger.rows().map(({ delivered }) => delivered)).toEqual([2, 3]);
  expect(second.book.lostEvents).toBe(0);
  expect(second.ledger.balances()).toBe(true);
});

test("a newest checkpoint that is damaged costs nothing: the journal still has what the one before it owes", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [memorySink({ name: "sink" })]);
  await first.start();
  await write(first.journal, 300);
  await expect.poll(() => first.ledger.held("sink")).toBe(0);
  // The save that leaves the one before it behind is the first after which a segment is deleted.
  const segments = [...disk.files.keys()].filter((path) => path.endsWith(".seg")).length;
  await expect.poll(() => [...disk.files.keys()].filter((path) => path.endsWith(".seg")).length).toBeLessThan(segments);
  const killed = disk.afterKill();
  killed.files.get("/journal/0/checkpoint.json")?.bytes.fill(0, 0, 50);
  await using second = await openSlot(killed, [memorySink({ name: "sink" })]);
  await second.start();
  await expect.poll(() => second.ledger.held("sink")).toBe(0);
  expect(second.ledger.rows().map(({ accepted, delivered }) => [accepted, delivered])).toEqual([
    [100, 100],
    [200, 200],
  ]);
});

test("once nothing happens any more, every full segment that no sink needs is deleted", async () => {
  const disk = new SimulatedDisk();
  await using slot = await openSlot(disk, [memorySink({ name: "sink" })]);
  await slot.start();
  await write(slot.journal, 300);
  await slot.book.flush();
  await expect.poll(() => slot.journal.first).toBeGreaterThan(240);
});

test("names that objects have from birth are sources and sinks like any other", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("constructor")]);
  await first.start();
  await first.journal.append([{ ...draftOf("a"), source: "toString" }], "written");
  await first.book.flush();
  await using second = await openSlot(disk.afterKill(), [patientSink("constructor")]);
  expect(second.ledger.rows()).toMatchObject([{ source: "toString", sink: "constructor", accepted: 1, held: 1 }]);
});

test("what was filtered, and what clients dropped, is counted exactly across restarts, and is in no sum of accepted events", async () => {
  const disk = new SimulatedDisk();
  await using first = await openSlot(disk, [patientSink("sink")]);
  await first.start();
  await write(first.journal, 3);
  first.ledger.filter("web", "sampled", 5);
  first.ledger.filter("web", "bot", 1);
  first.ledger.reportClientDropped("web", "queue_full", 7);
  await first.book.flush();
  await using second = await openSlot(disk.afterKill(), [patientSink("sink")]);
  second.ledger.filter("web", "sampled", 2);
  second.ledger.filter("app", "duplicate", 1);
  await second.book.flush();
  expect(summarize([second.ledger])).toMatchObject({
    balanced: true,
    accepted: { app: 1, web: 2 },
    filtered: { web: { sampled: 7, bot: 1 }, app: { duplicate: 1 } },
    clientDropped: { web: { queue_full: 7 } },
  });
  expect(ledgerReport(summarize([second.ledger]))).toContain(
    "Filtered by the rules of web: 7 sampled, 1 bot.\nFiltered by the rules of app: 1 duplicate.\nDropped before sending by clients of web: 7 queue_full.",
  );
});
