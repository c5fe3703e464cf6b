import { expect, test } from "vitest";
import { rejectLogConfig } from "./config.ts";
import { ManualClock, silent } from "./journal-fixture.ts";
import { openRejectLog } from "./reject-log-files.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function rig() {
  const disk = new SimulatedDisk();
  const clock = new ManualClock();
  disk.nowMs = clock.nowMs();
  const open = (slot: string, config: { maxAgeMs?: number; maxBytes?: number } = {}) =>
    openRejectLog({
      name: "quarantine",
      slot,
      config: rejectLogConfig("/rejects").parse({ maxAgeMs: 2 * DAY_MS, ...config }),
      durability: "os",
      clock,
      log: silent,
      disk,
    });
  return {
    disk,
    clock,
    open,
    pass: async (ms: number): Promise<void> => {
      disk.nowMs += ms;
      await clock.pass(ms);
    },
    files: () => [...disk.files.keys()].filter((path) => path.endsWith(".ndjson")).map((path) => path.slice(9)),
    text: () => [...disk.files].map(([path, { bytes }]) => (path.endsWith(".ndjson") ? String(bytes) : "")).join(""),
  };
}

function entry(text: string) {
  return { atMs: 0, source: "web", code: "required", reasons: [], event: Buffer.from(JSON.stringify({ text })) };
}

test("files of slots that nobody serves any more, and of replays, are deleted once they are too old", async () => {
  const { disk, open, pass, files } = await rig();
  for (const slot of ["7", "replay-night", "node-b-0-20261125T030405Z"]) {
    const log = await open(slot);
    await log.append([entry("old")]);
    await log.close();
  }
  disk.createSync("/rejects/notes.ndjson");
  const served = await open("0");
  await served.append([entry("own")]);
  await pass(DAY_MS);
  expect(files()).toHaveLength(5);
  await pass(3 * DAY_MS);
  expect(files()).toEqual(["notes.ndjson"]);
  await served.close();
});

test("what another worker still writes to stays", async () => {
  const { open, pass, text } = await rig();
  const first = await open("0");
  const second = await open("1");
  for (let day = 0; day < 5; day++) {
    await second.append([entry(`day ${day}`)]);
    await pass(DAY_MS);
  }
  expect(text()).toContain("day 4");
  expect(text()).not.toContain("day 0");
  await first.close();
  await second.close();
});

test("a restart goes on counting, by bytes and by age", async () => {
  const { open, pass, text } = await rig();
  const long = "x".repeat(8_000);
  for (let start = 0; start < 12; start++) {
    const log = await open("0", { maxBytes: 64 * 1024 });
    await log.append([entry(`start ${start} ${long}`)]);
    await log.close();
  }
  expect(text().length).toBeLessThanOrEqual(64 * 1024);
  expect(text()).toContain("start 11");
  expect(text()).not.toContain("start 0 ");
  await pass(3 * DAY_MS);
  const log = await open("0");
  expect(text()).toBe("");
  await log.close();
});
