import { readdir, rm, stat, truncate, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test, type TestContext } from "vitest";
import { startKinesisStandIn } from "../../src/testing.ts";
import { BreakableDisk } from "../kit/breakable-disk.ts";
import { CollectorProcess, type LedgerReply, temporaryDir } from "../kit/collector-process.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";
import { type SendReport, sendEvents } from "../kit/sender.ts";
import { SmallDisk } from "../kit/small-disk.ts";
import { waitFor } from "../kit/wait-for.ts";

/** More than `journal.unsynced.maxMs`, so that what was acknowledged is on the disk. */
const UNTIL_SYNCED_MS = 1_200;

/** A folder, a Kinesis that is down at first and keeps the ids it gets, and a journal in `journalDir`. */
async function openRig(journalDir?: string) {
  await using opened = new AsyncDisposableStack();
  const dir = opened.use(await temporaryDir()).path;
  const stored = new Set<string>();
  const standIn = opened.use(
    await startKinesisStandIn({ keepRecords: false, onRecord: ({ data }) => stored.add(idOf(data)) }),
  );
  await standIn.down();
  const journal = journalDir ?? path.join(dir, "journal");
  const config = kinesisConfig({
    endpoint: standIn.url,
    journal: "durability: os, segmentBytes: 64KiB",
    more: "workers: 1",
  }).replace("./data/journal", journal);
  const disposal = opened.move();
  return {
    dir,
    slot: path.join(journal, "0"),
    stored,
    standIn,
    config,
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  };
}

async function orSkip<T>(context: TestContext, mount: () => Promise<T>): Promise<T> {
  try {
    return await mount();
  } catch (error) {
    context.skip(`a disk for the test could not be mounted, which needs root: ${String(error)}`);
  }
}

async function send(collector: CollectorProcess, events: number, query = ""): Promise<SendReport> {
  return sendEvents({
    url: collector.url,
    key: "wk_test",
    events,
    eventsPerRequest: 5,
    connections: 2,
    paddingBytes: 500,
    query,
  });
}

function droppedAsDamaged({ rows }: LedgerReply): number {
  return rows.reduce((sum, { dropped }) => sum + (dropped["journal_damaged"] ?? 0), 0);
}

async function expectNoRestart(collector: CollectorProcess): Promise<void> {
  expect((await collector.workers()).map(({ state, restarts }) => ({ state, restarts }))).toEqual([
    { state: "ready", restarts: 0 },
  ]);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a disk that is read-only at the start: a clear error, and nothing is retried for ever", async (context) => {
  await using disk = await orSkip(context, () => SmallDisk.mount(16));
  await disk.makeReadOnly();
  await using rig = await openRig(path.join(disk.dir, "journal"));
  await expect(CollectorProcess.start(rig.dir, rig.config)).rejects.toThrow(
    /exit code 1[^]*read-only file system[^]*\(journal_unusable\)/i,
  );
});

test("a disk that becomes read-only while events flow: senders are refused with the reason, the process stays, and what was acknowledged before is on the disk", async (context) => {
  await using disk = await orSkip(context, () => BreakableDisk.mount(64));
  await using rig = await openRig(path.join(disk.dir, "journal"));
  let before: SendReport;
  {
    await using collector = await CollectorProcess.start(rig.dir, rig.config);
    before = await send(collector, 200);
    expect(before.acknowledged.size).toBe(200);
    await wait(UNTIL_SYNCED_MS);
    await disk.breakNow();
    const after = await send(collector, 20);
    expect([after.acknowledged.size, [...after.refused.keys()]]).toEqual([0, [503]]);
    const ready = await fetch(collector.url.replace("/v1/events", "/readyz"));
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining("the journal could not be written: EROFS"),
    ]);
    await expectNoRestart(collector);
    // What it has it can still deliver.
    await rig.standIn.up();
    await waitFor(() => rig.stored.size >= 200);
    await rig.standIn.down();
    await collector.kill();
  }
  rig.stored.clear();
  await disk.repair();
  await using collector = await CollectorProcess.start(rig.dir, rig.config);
  await rig.standIn.up();
  const ledger = await collector.settled();
  expect([ledger.balanced, droppedAsDamaged(ledger)]).toEqual([true, 0]);
  expect([...before.acknowledged].filter((id) => !rig.stored.has(id))).toEqual([]);
  expect((await send(collector, 20)).acknowledged.size).toBe(20);
});

test("a disk without inodes answers 429, and the journal can be emptied and goes on all the same", async (context) => {
  await using disk = await orSkip(context, () => SmallDisk.mount(16, 60));
  await using rig = await openRig(path.join(disk.dir, "journal"));
  await using collector = await CollectorProcess.start(rig.dir, rig.config);
  const sent = await send(collector, 200);
  expect(sent.acknowledged.size).toBe(200);
  // All but those that the journal has.
  for (let file = 0; ; file++) {
    const failure = await writeFile(path.join(disk.dir, `file-${file}`), "").catch((error: unknown) => error);
    if (failure === undefined) continue;
    expect(failure).toMatchObject({ code: "ENOSPC" });
    break;
  }
  const refused = await send(collector, 200);
  expect([...refused.refused.keys()]).toEqual([429]);
  for (const id of refused.acknowledged) sent.acknowledged.add(id);
  await rig.standIn.up();
  const ledger = await collector.settled();
  expect([ledger.balanced, droppedAsDamaged(ledger)]).toEqual([true, 0]);
  expect([...sent.acknowledged].filter((id) => !rig.stored.has(id))).toEqual([]);
  // There are inodes for some segments again, not for as many as one likes.
  await waitFor(async () => (await send(collector, 10)).acknowledged.size === 10);
  await expectNoRestart(collector);
}, 40_000);

test("the slot deleted by hand while events flow: what is lost is counted, what comes next is safe, and the process stays", async () => {
  await using rig = await openRig();
  await using collector = await CollectorProcess.start(rig.dir, rig.config);
  const before = await send(collector, 400);
  // Again when the collector saved its checkpoint in the midst of it.
  await rm(rig.slot, { recursive: true, maxRetries: 5 });
  await wait(UNTIL_SYNCED_MS);
  const after = await send(collector, 200);
  expect(after.acknowledged.size).toBe(200);
  await wait(UNTIL_SYNCED_MS);
  await expectNoRestart(collector);
  await collector.kill();

  await using next = await CollectorProcess.start(rig.dir, rig.config);
  await rig.standIn.up();
  const ledger = await next.settled();
  expect(ledger.balanced).toBe(true);
  expect([...after.acknowledged].filter((id) => !rig.stored.has(id))).toEqual([]);
  const gone = [...before.acknowledged].filter((id) => !rig.stored.has(id)).length;
  expect(gone).toBeGreaterThan(0);
  expect(droppedAsDamaged(ledger)).toBe(gone);
});

test("segments and checkpoints that are deleted, torn or overwritten between two starts: the start succeeds, and what is lost is counted", async () => {
  await using rig = await openRig();
  const file = (name: string) => path.join(rig.slot, name);
  const damages: readonly ((segments: readonly string[]) => Promise<unknown>)[] = [
    () => Promise.all([unlink(file("positions.json")), writeFile(file("lock"), "not a database, whoever wrote it")]),
    ([, second = ""]) => Promise.all([unlink(second), unlink(file("checkpoint.json"))]),
    async ([, , third = ""]) => {
      await truncate(third, Math.floor((await stat(third)).size / 2));
      await writeFile(file("checkpoint.json"), '{"crc32":1,"checkpoint":{"version":9}}');
    },
    (segments) => writeFile(segments.at(-1) ?? "", Buffer.alloc(64 * 1024)),
  ];
  const acknowledged = new Set<string>();
  for (const damage of damages) {
    await using collector = await CollectorProcess.start(rig.dir, rig.config);
    for (const id of (await send(collector, 300)).acknowledged) acknowledged.add(id);
    await wait(200);
    await collector.kill();
    const names = (await readdir(rig.slot)).filter((name) => name.endsWith(".seg")).toSorted();
    await damage(names.map(file));
  }
  expect(acknowledged.size).toBe(300 * damages.length);
  await using collector = await CollectorProcess.start(rig.dir, rig.config);
  await rig.standIn.up();
  const ledger = await collector.settled();
  expect(ledger.balanced).toBe(true);
  const gone = [...acknowledged].filter((id) => !rig.stored.has(id)).length;
  expect(gone).toBeGreaterThan(0);
  expect(droppedAsDamaged(ledger)).toBe(gone);
  await expectNoRestart(collector);
}, 40_000);
