// npm run bench:soak -- --minutes 60: a steady rate for long, and what has changed every ten minutes.
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runLoad } from "../src/bench/run-load.ts";
import { Collector } from "./collector.ts";
import { build } from "./kit/build.ts";
import { residentBytes } from "./kit/memory-watch.ts";
import { CONNECTIONS } from "./measure.ts";
import { numberOption } from "./number-option.ts";
import { processCpuMicros } from "./process-cpu.ts";
import { requestsInTurn, type Shape } from "./requests.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    "every-minutes": { type: "string", default: "10" },
    rate: { type: "string", default: "5000" },
    "events-per-request": { type: "string", default: "1" },
    workers: { type: "string", default: "1" },
    main: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const minutes = numberOption("minutes", values.minutes);
const everyMinutes = Math.min(numberOption("every-minutes", values["every-minutes"]), minutes);
const eventsPerSecond = numberOption("rate", values.rate);
const eventsPerRequest = numberOption("events-per-request", values["events-per-request"], { whole: true });
const workers = numberOption("workers", values.workers, { whole: true });

/** At one moment; rates and latencies are of the stretch before it. */
interface Figures {
  readonly minute: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  /** Requests that were not answered 201. */
  readonly failed: number;
  readonly cpuMicrosPerEvent: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly supervisorRssBytes: number;
  readonly workerRssBytes: readonly number[];
  /** Of all processes. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly heldEvents: number;
  /** Files of the journal. */
  readonly journalBytes: number;
  readonly loadAverage: number;
}

const HEADINGS =
  "| minute | events/s | not 201 | CPU µs/event | p50 ms | p99 ms | max ms | RSS MB, workers | supervisor | heaps MB | external MB | held | journal MB |";

/** A worker stays below this. */
const WORKER_RSS_MB = 150;

await using collector = await Collector.start({
  name: "Millrace",
  main: values.main === undefined ? await build() : path.resolve(values.main),
  workers,
});
const shape: Shape = { eventsPerRequest, body: "json" };
const nextRequest = requestsInTurn(collector.url, shape);
const all: Figures[] = [];
if (!values.json) console.log(`${HEADINGS}\n${"| ---: ".repeat(13)}|`);
const stretches = Math.ceil(minutes / everyMinutes);
for (let stretch = 1; stretch <= stretches; stretch++) {
  const figures = await soakFor(Math.min(everyMinutes, minutes - everyMinutes * (stretch - 1)));
  all.push(figures);
  if (!values.json) console.log(rowOf(figures));
}
await collector.settled();

const report = { at: new Date().toISOString(), node: process.version, minutes, eventsPerSecond, shape, workers, all };
const folder = path.join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "soak.json"), `${JSON.stringify(report, null, 2)}\n`);
const largestMb = Math.max(...all.flatMap(({ workerRssBytes }) => workerRssBytes)) / 1e6;
const failed = all.reduce((sum, each) => sum + each.failed, 0);
if (values.json) console.log(JSON.stringify(report));
else
  console.log(
    `\nLargest worker ${largestMb.toFixed(0)} MB, to stay under ${WORKER_RSS_MB}; ${failed} requests not answered 201.`,
  );
process.exitCode = failed === 0 ? 0 : 1;

async function soakFor(lengthMinutes: number): Promise<Figures> {
  const cpuBefore = processCpuMicros(collector.pid);
  const load = await runLoad({
    url: collector.url,
    connections: CONNECTIONS,
    nextRequest,
    seconds: lengthMinutes * 60,
    requestsPerSecond: eventsPerSecond / eventsPerRequest,
  });
  // Taken at once: what is on its way belongs to a steady state.
  const metrics = await collector.metrics();
  const events = load.taken * eventsPerRequest;
  return {
    minute: (all.at(-1)?.minute ?? 0) + lengthMinutes,
    events,
    eventsPerSecond: (events * 1_000) / load.durationMs,
    failed:
      load.unsent +
      load.answered -
      (load.statuses["201"] ?? 0) +
      Object.values(load.failures).reduce((sum, times) => sum + times, 0),
    cpuMicrosPerEvent: (processCpuMicros(collector.pid) - cpuBefore) / events,
    p50Ms: load.latencies.p50Ms,
    p99Ms: load.latencies.p99Ms,
    maxMs: load.latencies.maxMs,
    supervisorRssBytes: residentBytes(collector.pid),
    workerRssBytes: collector.workerPids.map((pid) => residentBytes(pid)),
    heapBytes: metrics.sum("nodejs_heap_size_used_bytes"),
    externalBytes: metrics.sum("nodejs_external_memory_bytes"),
    heldEvents: metrics.sum("millrace_ledger_held_events"),
    journalBytes: await bytesBelow(path.join(collector.dir, "data/journal")),
    loadAverage: loadavg()[0] ?? 0,
  };
}

function rowOf(figures: Figures): string {
  const cells = [
    figures.minute.toFixed(1),
    figures.eventsPerSecond.toFixed(0),
    figures.failed,
    figures.cpuMicrosPerEvent.toFixed(1),
    figures.p50Ms.toFixed(2),
    figures.p99Ms.toFixed(2),
    figures.maxMs.toFixed(1),
    figures.workerRssBytes.map((bytes) => inMb(bytes)).join(", "),
    inMb(figures.supervisorRssBytes),
    inMb(figures.heapBytes),
    inMb(figures.externalBytes),
    figures.heldEvents,
    inMb(figures.journalBytes),
  ];
  return `| ${cells.join(" | ")} |`;
}

function inMb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

async function bytesBelow(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A segment may be deleted meanwhile.
    const file = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += file?.size ?? 0;
  }
  return bytes;
}
