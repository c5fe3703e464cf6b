import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Sink } from "../../core/sink.ts";
import { readRows } from "../../formats/parquet/read-events.ts";
import { fileConfig } from "./config.ts";
import { createFileSink } from "./sink.ts";

const HOUR_MS = 3_600_000;
const NOON_MS = Date.parse("2026-11-23T12:00:00Z");

let dir = "";
const sinks: Sink[] = [];
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "millrace-file-sink-"));
});
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
  await rm(dir, { recursive: true, force: true });
});

test("an event shows under a final name only when its file is complete, and the name sorts by position", async () => {
  const clock = manualClock();
  const sink = open({ fileAgeMs: 5_000 }, clock);
  await write(sink, [event(7), event(8)]);
  expect(await files("final")).toEqual([]);
  expect(await files("partial")).toHaveLength(1);

  clock.advance(4_999);
  await sink.check(signal());
  expect(await files("final")).toEqual([]);
  clock.advance(1);
  await write(sink, [event(9)]);
  const [finished, ...others] = await files("final");
  expect(finished).toMatch(/^dt=2026-11-23\/hour=12\/node-0-000000000007-[0-9a-f-]{36}\.ndjson$/);
  expect(others).toEqual([]);
  expect(await readFile(path.join(dir, finished ?? ""), "utf8")).toBe('{"n":7}\n{"n":8}\n');
});

test("a file is finished before a batch would make it larger than fileBytes", async () => {
  const sink = open({ fileBytes: 1024 });
  for (let position = 0; position < 5; position++) await write(sink, [event(position, "x".repeat(400))]);
  expect((await files("final")).length).toBe(2);
  await sink.close();
  const sizes = (await contents()).map((text) => text.length);
  expect(sizes.length).toBe(3);
  for (const size of sizes) expect(size).toBeLessThanOrEqual(1024);
});

test("each hour has its own file, and a backlog of many hours keeps few files open", async () => {
  const sink = open();
  const batch = Array.from({ length: 100 }, (_, position) => event(position, "", NOON_MS + (position % 50) * HOUR_MS));
  await write(sink, batch);
  expect((await files("partial")).length).toBeLessThanOrEqual(16);
  await sink.close();
  expect((await files("final")).length).toBe(50);
  expect((await contents()).join("").split("\n").length).toBe(101);
});

test("events whose hour could be written are delivered, the others are retryable", async () => {
  const sink = open();
  await write(sink, [event(0)]);
  await writeFile(path.join(dir, "dt=2026-11-24"), "in the way");
  const receipt = await sink.write([event(1), event(2, "", NOON_MS + 24 * HOUR_MS), event(3)], signal());
  expect(receipt).toMatchObject({
    kind: "partial",
    fates: [
      { kind: "delivered" },
      { kind: "retryable", reason: expect.stringMatching(/^(EEXIST|ENOTDIR): a file is in the place of a directory$/) },
      { kind: "delivered" },
    ],
  });
});

test("a batch written to a file that was deleted meanwhile is retryable, and the next one makes a new file", async () => {
  const sink = open();
  await write(sink, [event(0)]);
  await rm(dir, { recursive: true });
  expect(await sink.write([event(1)], signal())).toEqual({
    kind: "retryable",
    reason: "ENOENT: the file or its directory was deleted or moved",
  });
  await write(sink, [event(1)]);
  await sink.close();
  expect(await contents()).toEqual(['{"n":1}\n']);
});

test("nothing in an event becomes part of a path", async () => {
  const sink = open();
  await write(sink, [{ ...event(1), id: "../../id", type: "../type", source: "../source" }]);
  await sink.close();
  expect(await files("final")).toEqual([expect.stringMatching(/^dt=2026-11-23\/hour=12\/node-0-/)]);
});

test("any gzip reader reads a file of several batches", async () => {
  const sink = open({ compression: "gzip" });
  for (let position = 0; position < 3; position++) await write(sink, [event(position)]);
  await sink.close();
  const [name = ""] = await files("final");
  expect(name).toMatch(/\.ndjson\.gz$/);
  expect(gunzipSync(await readFile(path.join(dir, name))).toString()).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
});

test("retention deletes finished files of this node, oldest first, and nothing else", async () => {
  const folder = path.join(dir, "dt=2026-11-20", "hour=10");
  const uuid = "0190a7c8-1111-4222-8333-444455556666";
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `node-0-000000000001-${uuid}.ndjson`), "{}\n");
  for (const other of [`node-b-0-000000000001-${uuid}.ndjson`, "_SUCCESS"])
    await writeFile(path.join(folder, other), "x");
  const clock = manualClock();
  const registry = new Registry();
  const sink = open(
    { retention: { maxAgeMs: 24 * HOUR_MS, maxBytes: "1KiB" }, fileBytes: 1024, fileAgeMs: 100 },
    clock,
    registry,
  );

  for (let position = 10; position < 15; position++) await write(sink, [event(position, "x".repeat(600))]);
  expect((await readdir(folder)).toSorted()).toEqual(["_SUCCESS", `node-b-0-000000000001-${uuid}.ndjson`]);
  clock.advance(100);
  await write(sink, [event(20)]);
  expect(await files("final")).toEqual([
    expect.stringContaining(`node-b-0-000000000001-${uuid}`),
    expect.stringContaining("node-0-000000000014"),
  ]);
  const deleted = await registry.getSingleMetric("millrace_file_sink_deleted_files_total")?.get();
  expect(deleted?.values.map(({ labels, value }) => [labels["reason"], value])).toEqual([
    ["age", 1],
    ["bytes", 4],
  ]);
});

test("check makes the directory, and says what to do where it cannot", async () => {
  const inTheWay = path.join(dir, "file");
  await writeFile(inTheWay, "");
  const well = open({ dir: path.join(dir, "new", "events") });
  expect(await well.check(signal())).toEqual([]);
  expect(existsSync(path.join(dir, "new", "events"))).toBe(true);
  const unwell = open({ dir: path.join(inTheWay, "events") });
  expect(await unwell.check(signal())).toEqual([
    expect.stringMatching(/cannot write to .*file\/events .*Make it writable/),
  ]);
});

test("with format parquet each batch is a file of its hour, under its final name before it counts as delivered", async () => {
  const sink = open({ format: "parquet", columns: [{ name: "n", from: "/n", type: "int64" }] });
  await write(sink, [event(7), event(8, "", NOON_MS + HOUR_MS), event(9)]);
  const names = await parquetFiles();
  expect(names).toEqual([
    expect.stringMatching(/^dt=2026-11-23\/hour=12\/node-0-000000000007-[0-9a-f-]{36}\.parquet$/),
    expect.stringMatching(/^dt=2026-11-23\/hour=13\/node-0-000000000008-[0-9a-f-]{36}\.parquet$/),
  ]);
  expect(await files("partial")).toEqual([]);
  const rows: unknown[] = [];
  const file = Uint8Array.from(await readFile(path.join(dir, names[0] ?? ""))).buffer;
  for await (const { position, n } of readRows(file)) rows.push([position, n]);
  expect(rows).toEqual([
    [7n, 7n],
    [9n, 9n],
  ]);
});

test("retention counts files of Parquet", async () => {
  const clock = manualClock();
  await write(open({ format: "parquet" }, clock), [event(1)]);
  const sink = open({ format: "parquet", retention: { maxAgeMs: HOUR_MS } }, clock);
  clock.advance(2 * HOUR_MS);
  await write(sink, [event(2, "", NOON_MS + 2 * HOUR_MS)]);
  expect(await parquetFiles()).toEqual([expect.stringContaining("node-0-000000000002")]);
});

test.each([
  ["fileBytes", { fileBytes: "1MiB" }],
  ["fileAgeMs", { fileAgeMs: 1_000 }],
  ["retention.maxBytes", { retention: { maxBytes: "16MiB" } }],
])("with format parquet %s that would not hold is refused", (key, settings) => {
  const parsed = fileConfig.safeParse({ name: "files", type: "file", dir: "d", format: "parquet", ...settings });
  expect(parsed.error?.issues.map((issue) => issue.path.join("."))).toEqual([key]);
});

test.each([
  ["columns", { columns: [{ name: "n", from: "/n", type: "int64" }] }],
  ["compression", { compression: "snappy" }],
])("with format ndjson %s of Parquet is refused", (key, settings) => {
  const parsed = fileConfig.safeParse({ name: "files", type: "file", dir: "d", ...settings });
  expect(parsed.error?.issues.map((issue) => issue.path.join("."))).toEqual([key]);
});

test("retention.maxBytes below fileBytes is refused", () => {
  const parsed = fileConfig.safeParse({ name: "files", type: "file", dir: "d", retention: { maxBytes: "1MiB" } });
  expect(parsed.error?.issues).toMatchObject([{ path: ["retention", "maxBytes"] }]);
});

function open(settings: object = {}, clock: Clock = manualClock(), registry = new Registry()): Sink {
  const config = fileConfig.parse({ name: "files", type: "file", dir, ...settings });
  const sink = createFileSink(config, { node: "node", slot: "0", clock, registry, log: pino({ level: "silent" }) });
  sinks.push(sink);
  return sink;
}

async function write(sink: Sink, batch: CollectedEvent[]): Promise<void> {
  expect(await sink.write(batch, signal())).toEqual({ kind: "delivered" });
}

function event(position: number, pad = "", receivedMs = NOON_MS): CollectedEvent {
  const json = pad === "" ? `{"n":${position}}` : `{"n":${position},"pad":"${pad}"}`;
  return { position, id: `id-${position}`, type: "t", source: "web", receivedMs, bytes: Buffer.from(json) };
}

async function files(kind: "final" | "partial"): Promise<string[]> {
  const names = await readdir(dir, { recursive: true });
  return names
    .filter((name) => (kind === "partial" ? name.endsWith(".partial") : /\.ndjson(\.gz)?$/.test(name)))
    .toSorted();
}

async function parquetFiles(): Promise<string[]> {
  return (await readdir(dir, { recursive: true })).filter((name) => name.endsWith(".parquet")).toSorted();
}

async function contents(): Promise<string[]> {
  return Promise.all((await files("final")).map((name) => readFile(path.join(dir, name), "utf8")));
}

function signal(): AbortSignal {
  return new AbortController().signal;
}

/** A clock that stands still until told; due timers run in `advance`. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = NOON_MS;
  const timers = new Set<{ atMs: number; run: () => void }>();
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    after(delayMs, run) {
      const timer = { atMs: now + delayMs, run };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance(ms) {
      now += ms;
      for (const timer of timers) {
        if (timer.atMs > now) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}
