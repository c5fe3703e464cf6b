// npm run bench:outage: what a sink that is down for long costs, and whether everything arrives after.
//
// One run, one load, at a steady rate: some minutes with the sink up, the outage, then the sink
// is up again and the load goes on until the collector has caught up. Latencies and memory of
// all phases are so measured under the same conditions.
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { CollectorProcess } from "../test/kit/collector-process.ts";
import { descendantsOf } from "../test/kit/process-tree.ts";
import { residentBytes } from "./kit/memory-watch.ts";
import { type Latencies, NumberedLoad } from "./kit/numbered-load.ts";
import { CONNECTIONS, KEY, Rig } from "./kit/rig.ts";
import { balance } from "./kit/tally.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    "calm-minutes": { type: "string", default: "2" },
    rate: { type: "string", default: "5000" },
    "events-per-request": { type: "string", default: "20" },
    "in-flight": { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const options = {
  minutes: positive("minutes", values.minutes),
  calmMinutes: positive("calm-minutes", values["calm-minutes"]),
  eventsPerSecond: positive("rate", values.rate),
  eventsPerRequest: positive("events-per-request", values["events-per-request"]),
  maxInFlight: positive("in-flight", values["in-flight"]),
};

const MINUTE_MS = 60_000;
const POLL_MS = 250;

/** Batches wait for up to a second, so under load there is always about a second of it held. */
const CAUGHT_UP_SECONDS = 2;
const CATCH_UP_MS = 30 * MINUTE_MS;

interface Row {
  readonly minute: number;
  readonly sink: "up" | "down" | "up again";
  /** The supervisor first, then the workers. */
  readonly rssBytes: readonly number[];
  readonly heldEvents: number;
  readonly journalBytes: number;
  readonly acks: Latencies;
}

if (process.platform !== "linux") throw new Error("the benchmark reads memory from /proc and needs Linux");
await using rig = await Rig.open({ sink: `maxInFlight: ${options.maxInFlight}` });
await using collector = await rig.start();
const load = new NumberedLoad({ ...options, url: collector.url, key: KEY, connections: CONNECTIONS });
const rows: Row[] = [];

await minutes(options.calmMinutes, "up");
await rig.sink.down();
await minutes(options.minutes, "down");
const backlog = await held(collector);
const upMs = performance.now();
await rig.sink.up();
const caughtUpMs = await catchUp(upMs);
await load.stop();
await collector.settled();

const counts = await rig.sink.counts();
const result = {
  ...balance(load.acknowledged.bytes, counts.stored),
  altered: counts.altered,
  outOfConnectionOrder: counts.outOfLaneOrder,
  outOfSlotOrder: counts.outOfSlotOrder,
  furthestBackPositions: counts.furthestBack,
  refused: Object.fromEntries(load.refused),
  unanswered: load.unanswered,
  backlogEvents: backlog,
  caughtUpSeconds: caughtUpMs / 1_000,
};
const report = { at: new Date().toISOString(), node: process.version, options, rows, result };
const folder = path.join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "outage.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(values.json ? JSON.stringify(report) : render());
const isOrdered = options.maxInFlight > 1 || counts.outOfSlotOrder + counts.outOfLaneOrder === 0;
const isSound = result.acknowledged > 0 && result.lost + result.altered + result.unanswered === 0 && isOrdered;
process.exitCode = isSound ? 0 : 1;

/** Lets the load run, and takes down a row each minute. */
async function minutes(count: number, sink: Row["sink"]): Promise<void> {
  for (let minute = 0; minute < count; minute++) {
    const untilMs = performance.now() + MINUTE_MS;
    load.takeLatencies();
    await delay(untilMs - performance.now());
    await takeDown(sink);
  }
}

/** Resolves with the time since `sinceMs` when no more is held than under load with the sink up. */
async function catchUp(sinceMs: number): Promise<number> {
  load.takeLatencies();
  let rowMs = sinceMs + MINUTE_MS;
  while ((await held(collector)) > options.eventsPerSecond * CAUGHT_UP_SECONDS) {
    const nowMs = performance.now();
    if (nowMs - sinceMs > CATCH_UP_MS) throw new Error("the collector did not catch up within half an hour");
    if (nowMs >= rowMs) {
      await takeDown("up again");
      rowMs += MINUTE_MS;
    }
    await delay(POLL_MS);
  }
  const tookMs = performance.now() - sinceMs;
  await takeDown("up again");
  return tookMs;
}

async function takeDown(sink: Row["sink"]): Promise<void> {
  const row: Row = {
    minute: rows.length + 1,
    sink,
    rssBytes: [collector.pid, ...descendantsOf(collector.pid).toSorted((a, b) => a - b)].map((pid) =>
      residentBytes(pid),
    ),
    heldEvents: await held(collector),
    journalBytes: await sizeOf(path.join(rig.dir, "data/journal")),
    acks: load.takeLatencies(),
  };
  rows.push(row);
  process.stderr.write(`${cellsOf(row)}\n`);
}

async function held(from: CollectorProcess): Promise<number> {
  const { rows: ledger } = await from.ledger();
  return ledger.reduce((sum, row) => sum + row.held, 0);
}

/** Of all files in a folder. One that is deleted meanwhile counts as empty. */
async function sizeOf(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { size } = await stat(path.join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }));
    bytes += size;
  }
  return bytes;
}

function render(): string {
  return [
    "| minute | sink | RSS MB: supervisor, workers | held events | journal MB | answers | p50 ms | p99 ms | max ms |",
    "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map((row) => cellsOf(row)),
    "",
    `${options.eventsPerSecond} events/s, ${options.eventsPerRequest} per request, over ${CONNECTIONS} connections; maxInFlight ${options.maxInFlight}.`,
    `Caught up ${result.caughtUpSeconds.toFixed(1)} s after the sink was back, under the same load: ${result.backlogEvents} events were held then.`,
    `Acknowledged ${result.acknowledged}, lost ${result.lost}, doubled ${result.doubled}, altered ${result.altered}; unanswered requests ${result.unanswered}, refused ${JSON.stringify(result.refused)}.`,
    `First deliveries out of order: ${result.outOfSlotOrder} by journal slot (by at most ${result.furthestBackPositions} positions), ${result.outOfConnectionOrder} by connection.`,
  ].join("\n");
}

function cellsOf({ minute, sink, rssBytes, heldEvents, journalBytes, acks }: Row): string {
  const cells = [
    minute,
    sink,
    rssBytes.map((bytes) => Math.round(bytes / 1e6)).join(", "),
    heldEvents,
    Math.round(journalBytes / 1e6),
    acks.answers,
    acks.p50Ms.toFixed(2),
    acks.p99Ms.toFixed(2),
    acks.maxMs.toFixed(1),
  ];
  return `| ${cells.join(" | ")} |`;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1, not ${text}`);
  return value;
}
