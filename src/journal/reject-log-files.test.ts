import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { type Clock, systemClock } from "../core/clock.ts";
import type { RejectedEvent } from "../core/reject-log.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { rejectLogConfig } from "./config.ts";
import { ManualClock, silent, temporaryDirectory } from "./journal-fixture.ts";
import { openRejectLog, type RejectLogOptions } from "./reject-log-files.ts";
import { rejectLine } from "./reject-line.ts";
import { createJournalMetrics } from "./metrics.ts";
import { SimulatedDisk, type SimulatedWriter } from "./simulated-disk.ts";

function rejected(event: string | Uint8Array): RejectedEvent {
  return {
    atMs: 1_764_000_000_000,
    source: "web",
    code: "schema_violation",
    reasons: [{ pointer: "/data" }],
    event: typeof event === "string" ? Buffer.from(event) : event,
  };
}

function open(options: Partial<RejectLogOptions> = {}) {
  const config = { ...rejectLogConfig("/rejects").parse(undefined), ...options.config };
  return openRejectLog({
    name: "quarantine",
    slot: "0",
    durability: "os",
    clock: systemClock,
    log: silent,
    ...options,
    config,
  });
}

const filesOf = (disk: SimulatedDisk) =>
  [...disk.files].filter(([path]) => path.endsWith(".ndjson")).map(([, file]) => file);
const textOf = (disk: SimulatedDisk) =>
  filesOf(disk)
    .map((file) => file.bytes.toString())
    .join("");
const entriesIn = async (directory: string) => (await readdir(directory)).filter((name) => name.endsWith(".ndjson"));

test("each entry is one line of JSON, and a JSON event stays byte for byte", async () => {
  using directory = temporaryDirectory();
  const config = { ...rejectLogConfig(directory.path).parse(undefined) };
  const log = await open({ config, durability: "disk" });
  await log.append([
    { ...rejected('{"id": 12345678901234567890,\n "a":1,"a":2}'), sink: "stream", position: 7 },
    rejected("not json"),
    rejected(Buffer.from([0xff, 0x00])),
  ]);
  await log.close();
  const [name] = await entriesIn(directory.path);
  expect(name).toMatch(/^0-\d{8}T\d{6}-1\.ndjson$/);
  const lines = (await readFile(join(directory.path, name ?? ""), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('"event":{"id": 12345678901234567890,  "a":1,"a":2}');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      at: "2025-11-24T16:00:00.000Z",
      source: "web",
      sink: "stream",
      position: 7,
      code: "schema_violation",
      reasons: [{ pointer: "/data" }],
    },
    { eventText: "not json" },
    { eventBase64: "/wA=" },
  ]);
});

test("the oldest files go when the budget is used up, and the newest entries stay", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const maxBytes = 64 * 1024;
  const log = await open({ disk, config: { ...rejectLogConfig("/rejects").parse({ maxBytes }) } });
  for (let at = 0; at < 300; at++) await log.append([rejected(JSON.stringify({ at, text: "x".repeat(400) }))]);
  expect(textOf(disk).length).toBeLessThanOrEqual(maxBytes);
  expect(textOf(disk).length).toBeGreaterThan(maxBytes / 2);
  expect(textOf(disk)).toContain('{"at":299,');
  expect(textOf(disk)).not.toContain('{"at":0,');
  // A new process goes on with the same budget, and counts nothing of other slots.
  const other = { bytes: Buffer.from("{}\n"), modifiedMs: disk.nowMs - 1_000 };
  disk.files.set("/rejects/0-1-20200101T000000-1.ndjson", other);
  const next = await open({ disk, config: { ...rejectLogConfig("/rejects").parse({ maxBytes }) } });
  for (let at = 300; at < 600; at++) await next.append([rejected(JSON.stringify({ at, text: "x".repeat(400) }))]);
  expect(textOf(disk).length).toBeLessThanOrEqual(maxBytes + 3);
  expect(disk.files.get("/rejects/0-1-20200101T000000-1.ndjson")).toBe(other);
  await Promise.all([log.close(), next.close()]);
});

test("one append that is larger than the budget stays within it, and its newest entries are kept", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const maxBytes = 64 * 1024;
  const log = await open({ disk, config: { ...rejectLogConfig("/rejects").parse({ maxBytes }) } });
  const entries = Array.from({ length: 500 }, (_, at) => rejected(JSON.stringify({ at, text: "x".repeat(400) })));
  for (let round = 0; round < 3; round++) await log.append(entries);
  expect(textOf(disk).length).toBeLessThanOrEqual(maxBytes);
  expect(textOf(disk).length).toBeGreaterThan(maxBytes / 2);
  expect(textOf(disk)).toContain('{"at":499,');
  for (const line of textOf(disk).trimEnd().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  await log.append([rejected(JSON.stringify("y".repeat(30 * 1024)))]);
  expect(textOf(disk).length).toBeLessThanOrEqual(maxBytes);
  await log.close();
});

test("files older than maxAgeMs are deleted, also while nothing comes in", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  let nowMs = Date.now();
  let hourly: (() => void) | undefined;
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, run) => {
      if (delayMs === 3_600_000) hourly = run;
      return { cancel: () => {} };
    },
  };
  const log = await open({ disk, clock, config: { ...rejectLogConfig("/rejects").parse({ maxAgeMs: 3_600_000 }) } });
  await log.append([rejected("{}")]);
  nowMs += 3_600_001;
  hourly?.();
  await log.append([rejected('{"later":true}')]);
  expect(filesOf(disk)).toHaveLength(2);
  nowMs += 3_600_001;
  hourly?.();
  await log.append([rejected('{"latest":true}')]);
  expect(textOf(disk)).not.toContain('"event":{}');
  await log.close();
});

test("a clock that is set forth or back, now or since the last start, deletes nothing before its time", async () => {
  const disk = new SimulatedDisk();
  const clock = new ManualClock();
  disk.nowMs = clock.nowMs() + 365 * 86_400_000;
  disk.createSync("/rejects/0-20271125T000000-1.ndjson").writeSync(Buffer.from('{"of":"the future"}\n'), 0);
  const log = await open({ disk, clock });
  await log.append([rejected('{"written":"now"}')]);
  clock.wallMs += 10 * 365 * 86_400_000;
  await clock.pass(25 * 3_600_000);
  await log.append([rejected('{"a":"day later"}')]);
  clock.wallMs -= 20 * 365 * 86_400_000;
  await clock.pass(25 * 3_600_000);
  expect(textOf(disk)).toContain("the future");
  expect(textOf(disk)).toContain('{"written":"now"}');
  await clock.pass(29 * 24 * 3_600_000);
  expect(textOf(disk)).not.toContain("the future");
  expect(textOf(disk)).not.toContain('{"written":"now"}');
  await log.close();
});

test("an entry survives a power cut within half a second, and with durability disk at once", async () => {
  for (const durability of ["os", "disk"] as const) {
    const disk = new SimulatedDisk();
    const clock = new ManualClock();
    const log = await open({ disk, clock, durability });
    await log.append([rejected('{"first":1}')]);
    if (durability === "os") await clock.pass(500);
    await log.append([rejected('{"second":2}')]);
    if (durability === "os") await clock.pass(500);
    const dice = [0];
    disk.cutPower({ random: () => dice.shift() ?? 0.5, names: "unordered" });
    expect(textOf(disk)).toMatch(/"first":1.*\n.*"second":2/);
  }
});

test("what was taken with durability disk can be read after any power cut, also when syncs of the file or its directory failed before", async () => {
  for (const fault of ["none", "sync", "syncDirectory"] as const) {
    for (let seed = 0; seed < 30; seed++) {
      const disk = new SimulatedDisk();
      const log = await open({ disk, durability: "disk" });
      const syncDirectory = disk.syncDirectory.bind(disk);
      if (fault === "sync") disk.failing.add("sync");
      if (fault === "syncDirectory") disk.syncDirectory = () => Promise.reject(new Error("EIO: simulated"));
      const taken = log.append([rejected("x".repeat(2_000))]);
      await (fault === "none" ? taken : expect(taken).rejects.toMatchObject({ code: "journal_write_failed" }));
      disk.failing.clear();
      disk.syncDirectory = syncDirectory;
      await log.append([rejected("taken")]);
      disk.cutPower({ random: seededRandom(seed), names: "unordered" });
      const lines = [...disk.files.values()].flatMap(({ bytes }) => bytes.toString().split("\n"));
      expect(lines.filter((line) => line.startsWith("{") && line.endsWith(`"eventText":"taken"}`))).toHaveLength(1);
    }
  }
});

test("a directory or file that is deleted while it is written to is there again for what comes next", async () => {
  using directory = temporaryDirectory();
  const dir = join(directory.path, "quarantine");
  const clock = new ManualClock();
  const log = await open({ clock, config: rejectLogConfig(dir).parse(undefined) });
  await log.append([rejected('{"first":1}')]);
  await rm(dir, { recursive: true });
  await clock.pass(500);
  await log.append([rejected('{"second":2}')]);
  await log.close();
  const [name = ""] = await entriesIn(dir);
  expect(await readFile(join(dir, name), "utf8")).toContain('{"second":2}');
});

/** A disk that takes the beginning of what is written, and then fails. */
class BreakingDisk extends SimulatedDisk {
  breaks = false;

  override createSync(path: string): SimulatedWriter {
    const file = super.createSync(path);
    const write = file.writeSync.bind(file);
    file.writeSync = (buffer, offset) => {
      if (!this.breaks) return write(buffer, offset);
      write(buffer.subarray(0, 10), offset);
      throw Object.assign(new Error("EIO: simulated"), { code: "EIO" });
    };
    return file;
  }
}

/** Takes what room there is on a disk, as a journal does that goes on accepting events. */
function fill(disk: SimulatedDisk): void {
  let bytes = 0;
  for (const file of disk.files.values()) bytes += file.bytes.length;
  disk.capacity = bytes;
}

test("on a full disk the oldest entries make room for the newest, whoever else takes what is free, and are counted", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const registry = new Registry();
  const lines: string[] = [];
  const options: Partial<RejectLogOptions> = {
    disk,
    durability: "disk",
    metrics: createJournalMetrics(registry),
    log: pino({ level: "error" }, { write: (line: string) => lines.push(line) }),
    config: { ...rejectLogConfig("/rejects").parse({ maxBytes: 64 * 1024 }) },
  };
  let log = await open(options);
  fill(disk);
  const entries = Array.from({ length: 300 }, (_, n) => rejected(JSON.stringify({ n, text: "x".repeat(n % 700) })));
  let bytes = 0;
  for (const [at, entry] of entries.entries()) {
    if (at === 150) {
      await log.close();
      log = await open(options);
    }
    await log.append([entry]);
    bytes += Buffer.byteLength(rejectLine(entry));
    fill(disk);
  }
  await log.append(entries.slice(0, 50));
  bytes += Buffer.byteLength(entries.slice(0, 50).map(rejectLine).join(""));
  expect(textOf(disk)).toContain('{"n":49,');
  for (const line of textOf(disk).trimEnd().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  const evicted = await registry.getSingleMetric("millrace_reject_log_evicted_bytes_total")?.get();
  expect(evicted?.values).toMatchObject([{ labels: { log: "quarantine", reason: "no_room" } }]);
  expect(textOf(disk).length + (evicted?.values[0]?.value ?? 0)).toBe(bytes);
  expect(lines[0]).toContain("the oldest of them were deleted to keep the newest; free space");
  await log.close();
});

test("on a full disk an entry that is larger than all the room there is kept for it does not hold up the next", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const registry = new Registry();
  const config = { ...rejectLogConfig("/rejects").parse({ maxBytes: 64 * 1024 }) };
  const log = await open({ disk, config, metrics: createJournalMetrics(registry) });
  fill(disk);
  await log.append([rejected(JSON.stringify("x".repeat(9_000))), rejected('{"n":1}')]);
  expect(textOf(disk)).toContain('{"n":1}');
  expect(textOf(disk)).not.toContain("xxx");
  const evicted = await registry.getSingleMetric("millrace_reject_log_evicted_bytes_total")?.get();
  expect(evicted?.values[0]?.value).toBeGreaterThan(9_000);
  await log.close();
});

test("without an inode left the file of the reserve, and then the oldest of the entries, is made do with", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const log = await open({ disk, config: { ...rejectLogConfig("/rejects").parse({ maxBytes: 64 * 1024 }) } });
  disk.inodes = disk.files.size;
  for (let n = 0; n < 50; n++) await log.append([rejected(JSON.stringify({ n, text: "x".repeat(500) }))]);
  expect(textOf(disk)).toContain('{"n":49,');
  await log.close();
});

test("a write that fails rejects, leaves no part of a line, and the next one works", async () => {
  const disk = new BreakingDisk();
  disk.nowMs = Date.now();
  const log = await open({ disk });
  await log.append([rejected('{"n":1}')]);
  disk.breaks = true;
  await expect(log.append([rejected('{"n":2}')])).rejects.toMatchObject({ code: "journal_write_failed" });
  disk.breaks = false;
  await log.append([rejected('{"n":3}')]);
  const lines = textOf(disk).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ event: { n: 1 } }, { event: { n: 3 } }]);
  await log.close();
  await expect(log.append([rejected("{}")])).rejects.toMatchObject({ code: "journal_write_failed" });
});

test("what could not be kept is told in the log, once for many failures", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const lines: string[] = [];
  const log = await open({ disk, log: pino({ level: "error" }, { write: (line: string) => lines.push(line) }) });
  disk.room = 0;
  for (let n = 0; n < 3; n++) await log.append([rejected("{}")]).catch(() => {});
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("could not be written: free space");
  await log.close();
});

test("a line that a crash left torn does not run into the next process's first", async () => {
  const disk = new SimulatedDisk();
  disk.nowMs = Date.now();
  const log = await open({ disk });
  await log.append([rejected('{"n":1}')]);
  const [torn] = filesOf(disk);
  if (torn !== undefined) torn.bytes = torn.bytes.subarray(0, -10);
  const next = await open({ disk });
  await next.append([rejected('{"n":2}')]);
  expect(filesOf(disk)).toHaveLength(2);
  const [, fresh] = filesOf(disk);
  expect(JSON.parse(fresh?.bytes.toString() ?? "")).toMatchObject({ event: { n: 2 } });
  await Promise.all([log.close(), next.close()]);
});
