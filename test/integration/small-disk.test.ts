import { statfs } from "node:fs/promises";
import { expect, test, type TestContext } from "vitest";
import { startKinesisStandIn } from "../../src/testing.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";
import { type SendReport, sendEvents } from "../kit/sender.ts";
import { SmallDisk } from "../kit/small-disk.ts";
import { waitFor } from "../kit/wait-for.ts";

const DISK_MIB = 64;

/** More than the disk holds: 80 MB. */
const LOAD = { key: "wk_test", events: 5_000, eventsPerRequest: 10, connections: 8, paddingBytes: 16_000 };

test("a journal on a full disk answers 429, loses nothing, and takes events again once the sink is back", async (context) => {
  await using rig = await openRig(context);
  await using collector = await CollectorProcess.start(rig.dir, rig.config);
  const sent = await fillDisk(rig, collector);
  await rig.standIn.up();
  await expectRecovery(rig, collector, sent);
  // It was the same processes all along.
  expect(collector.output.match(/Millrace is ready/g)).toHaveLength(1);
  expect((await collector.workers()).filter(({ restarts }) => restarts > 0)).toEqual([]);
}, 60_000);

test("kill -9 while the disk is full: it starts on the full disk, and nothing acknowledged is lost", async (context) => {
  await using rig = await openRig(context);
  const sent = await (async () => {
    await using killed = await CollectorProcess.start(rig.dir, rig.config);
    const report = await fillDisk(rig, killed);
    await killed.kill();
    return report;
  })();
  await using collector = await CollectorProcess.start(rig.dir, rig.config);
  expect(await refusal(collector)).toMatchObject({ status: 429, code: "journal_full" });
  await rig.standIn.up();
  await expectRecovery(rig, collector, sent);
}, 60_000);

/** A dead sink, and a journal on a disk of 64 MiB. */
async function openRig(context: TestContext) {
  await using opened = new AsyncDisposableStack();
  const disk = opened.use(await mountOrSkip(context));
  const dir = opened.use(await temporaryDir());
  const stored = new Set<string>();
  const standIn = opened.use(
    await startKinesisStandIn({ keepRecords: false, onRecord: ({ data }) => stored.add(idOf(data)) }),
  );
  await standIn.down();
  const config = kinesisConfig({ endpoint: standIn.url }).replace("./data/journal", `${disk.dir}/journal`);
  const disposal = opened.move();
  return { dir: dir.path, disk, stored, standIn, config, [Symbol.asyncDispose]: () => disposal.disposeAsync() };
}

type Rig = Awaited<ReturnType<typeof openRig>>;

async function mountOrSkip(context: TestContext): Promise<SmallDisk> {
  try {
    return await SmallDisk.mount(DISK_MIB);
  } catch (error) {
    context.skip(`a tmpfs of ${DISK_MIB} MiB could not be mounted, which needs root: ${String(error)}`);
  }
}

async function fillDisk({ disk }: Rig, collector: CollectorProcess): Promise<SendReport> {
  const sent = await sendEvents({ ...LOAD, url: collector.url });
  expect([...sent.refused.keys()]).toEqual([429]);
  expect(sent.unanswered).toBe(0);
  expect(sent.acknowledged.size).toBeGreaterThan(2_000);
  // Full for real: nothing is left but what an event of this load does not fit in, and the reserves.
  const { bavail, bsize } = await statfs(disk.dir);
  expect(bavail * bsize).toBeLessThan(4 * 1024 * 1024);
  expect(await refusal(collector)).toMatchObject({ status: 429, code: "journal_full" });
  expect((await fetch(collector.url.replace("/v1/events", "/livez"))).status).toBe(200);
  return sent;
}

/** The answer to more events than are left room for. */
async function refusal(collector: CollectorProcess): Promise<{ status: number; code?: string }> {
  const reply = await fetch(collector.url, {
    method: "POST",
    headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
    body: JSON.stringify(Array.from({ length: 20 }, () => ({ type: "test.sent", data: "x".repeat(200_000) }))),
  });
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  return { status: reply.status, ...((await reply.json()) as { code: string }) };
}

async function expectRecovery({ stored }: Rig, collector: CollectorProcess, sent: SendReport): Promise<void> {
  expect((await collector.settled()).balanced).toBe(true);
  expect([...sent.acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  // The room comes back once the cursors are saved.
  await waitFor(async () => (await sendEvents({ ...LOAD, url: collector.url, events: 100 })).acknowledged.size === 100);
  expect((await collector.settled()).balanced).toBe(true);
}
