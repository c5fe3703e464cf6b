// npm run bench:all-sinks -- --minutes 5: every sink at once in one configuration, each with a server
// behind it, one of which is killed for the middle half of the time. What each server holds is then
// asked of the server, and compared with what senders were told.
import { mkdir, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CollectorProcess, temporaryDir } from "../test/kit/collector-process.ts";
import { descendantsOf } from "../test/kit/process-tree.ts";
import { startMoto, whyNoMoto } from "../test/kit/moto.ts";
import { files, parquet, s3 } from "./all-sinks/archives.ts";
import { type Destination, SOME } from "./all-sinks/destination.ts";
import { eventbridge, firehose, http, sns, sqs } from "./all-sinks/messages.ts";
import { clickhouse, opensearch } from "./all-sinks/searches.ts";
import { kafka, kinesis, nats } from "./all-sinks/streams.ts";
import { residentBytes } from "./kit/memory-watch.ts";
import { NumberedLoad } from "./kit/numbered-load.ts";
import { KEY } from "./kit/rig.ts";
import { type Balance, balance } from "./kit/tally.ts";
import { numberOption } from "./number-option.ts";
import { processCpuMicros } from "./process-cpu.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    rate: { type: "string", default: "2000" },
    kill: { type: "string", default: "opensearch" },
    json: { type: "boolean", default: false },
  },
});
const minutes = numberOption("minutes", values.minutes);
const eventsPerSecond = numberOption("rate", values.rate);

const CONNECTIONS = 16;
const EVENTS_PER_REQUEST = 20;
/** Before anything is measured: compilers, of two kinds of virtual machine, are at work in the first seconds. */
const WARM_UP_MS = 10_000;
const SAMPLE_EVERY_MS = 250;
const SETTLE_MS = 10 * 60_000;
/** What may lie between an event and its receipt at a sink that is not dead. */
const MAX_LAG_MS = 2_000;

await using opened = new AsyncDisposableStack();
const dir = opened.use(await temporaryDir());
// Two, since one Python process has enough to do with either.
const [moto, bucketServer] = [await startMoto(), await startMoto()];
if (moto === undefined || bucketServer === undefined) throw new Error(whyNoMoto);
opened.use(moto);
opened.use(bucketServer);
const destinations: Destination[] = [];
const makers: readonly (() => Destination | Promise<Destination>)[] = [
  () => kinesis(CONNECTIONS),
  kafka,
  nats,
  () => s3(bucketServer),
  () => files(path.join(dir.path, "files")),
  () => parquet(path.join(dir.path, "parquet")),
  opensearch,
  clickhouse,
  http,
  () => firehose(moto),
  () => sqs(moto),
  () => sns(moto),
  () => eventbridge(moto),
];
for (const make of makers) destinations.push(opened.use(await make()));
const victim = destinations.find(({ name }) => name === values.kill);
if (victim?.kill === undefined || victim.restart === undefined)
  throw new Error(
    `--kill takes one of ${destinations.flatMap((one) => (one.kill === undefined ? [] : one.name)).join(", ")}`,
  );

const collector = await CollectorProcess.start(dir.path, yaml());
opened.defer(() => collector.kill());
const load = new NumberedLoad({
  url: collector.url,
  key: KEY,
  connections: CONNECTIONS,
  eventsPerRequest: EVENTS_PER_REQUEST,
  eventsPerSecond,
});
await delay(WARM_UP_MS);
const lags = new Map<string, number[]>();
const sampling = new AbortController();
const sampled = sample();
let cpuMicros = cpuOfCollector();
const startedMs = performance.now();
const partMs = (minutes * 60_000) / 4;
await delay(partMs);
await victim.kill();
await delay(2 * partMs);
const heldWhileDead = await heldBy(victim.name);
const backMs = performance.now();
await Promise.all([victim.restart(), delay(partMs)]);
await load.stop();
cpuMicros = cpuOfCollector() - cpuMicros;
const loadedMs = performance.now() - startedMs;
sampling.abort();
await sampled;
const ledger = await collector.settled(SETTLE_MS);
const settledAfterMs = performance.now() - backMs;
const memory = [collector.pid, ...descendantsOf(collector.pid)].map((pid) => Math.round(residentBytes(pid) / 1e6));

interface Row extends Balance {
  readonly name: string;
  readonly server: string;
  readonly deadLettered: number;
  readonly maxLagMs: number;
  readonly isVictim: boolean;
}

const rows: Row[] = [];
for (const destination of destinations) {
  const { name, server, wants } = destination;
  const includes = wants === "all" ? () => true : SOME.includes;
  const wanted = load.acknowledged.bytes.map((times, number) => (includes(number) ? times : 0));
  const stored = await destination.stored();
  const row = ledger.rows.find(({ sink }) => sink === name);
  const seen = lags.get(name) ?? [];
  rows.push({
    name,
    server,
    ...balance(wanted, stored.bytes),
    deadLettered: row?.deadLettered ?? 0,
    maxLagMs: Math.max(0, ...seen),
    isVictim: destination === victim,
  });
}
const report = {
  at: new Date().toISOString(),
  node: process.version,
  minutes,
  eventsPerSecond,
  killed: victim.name,
  events: load.acknowledged.distinct,
  refused: Object.fromEntries(load.refused),
  unanswered: load.unanswered,
  ledgerBalanced: ledger.balanced,
  heldWhileDead,
  settledAfterSeconds: settledAfterMs / 1_000,
  cpuMicrosPerEvent: cpuMicros / load.acknowledged.distinct,
  coresUsed: cpuMicros / 1_000 / loadedMs,
  memoryMb: memory,
  loadAverage: loadavg()[0],
  rows,
};
const folder = path.join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "all-sinks.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(values.json ? JSON.stringify(report) : render());
const isSound =
  ledger.balanced &&
  load.unanswered === 0 &&
  rows.every((row) => row.lost === 0 && row.deadLettered === 0 && row.acknowledged > 0) &&
  rows.every((row) => row.isVictim || row.maxLagMs < MAX_LAG_MS);
process.exitCode = isSound ? 0 : 1;

function yaml(): string {
  const sinks = destinations.map(({ name, yaml: keys, wants }) => {
    const when = wants === "all" ? "" : `, when: '${SOME.when}'`;
    return `  - { name: ${name}, ${keys}${when} }`;
  });
  return `
workers: 1
journal: { dir: ./data/journal, durability: os }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
schemas: { dir: ${path.join(import.meta.dirname, "schemas")} }
sources: [{ name: web, keys: [${KEY}], validation: enforce }]
log: { level: error }
sinks:
${sinks.join("\n")}
`;
}

interface SinkLag {
  readonly sink: string;
  readonly lagMs: number;
  readonly lagEvents: number;
}

async function sinkViews(): Promise<readonly SinkLag[]> {
  const reply = await fetch(`http://127.0.0.1:${collector.adminPort}/v1/sinks`);
  return (await reply.json()) as SinkLag[];
}

async function sample(): Promise<void> {
  while (!sampling.signal.aborted) {
    for (const { sink, lagMs } of await sinkViews()) lags.set(sink, [...(lags.get(sink) ?? []), lagMs]);
    await delay(SAMPLE_EVERY_MS, undefined, { signal: sampling.signal }).catch(() => {});
  }
}

async function heldBy(name: string): Promise<number> {
  return (await sinkViews()).find(({ sink }) => sink === name)?.lagEvents ?? 0;
}

function cpuOfCollector(): number {
  return [collector.pid, ...descendantsOf(collector.pid)].reduce((sum, pid) => sum + processCpuMicros(pid), 0);
}

function render(): string {
  return [
    "| sink | server | events | in the server | lost | twice | longest lag s |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map(
      (row) =>
        `| ${row.name}${row.isVictim ? ", dead for half of the time" : ""} | ${row.server} | ${row.acknowledged} | ${row.acknowledged - row.lost} | ${row.lost} | ${row.doubled} | ${(row.maxLagMs / 1_000).toFixed(1)} |`,
    ),
    "",
    `${eventsPerSecond} events/s for ${minutes} minutes after ${WARM_UP_MS / 1_000} s of warm-up, ${EVENTS_PER_REQUEST} a request; ${report.events} acknowledged, ${report.unanswered} requests unanswered, refused ${JSON.stringify(report.refused)}.`,
    `The ledger is ${report.ledgerBalanced ? "balanced" : "NOT BALANCED"}. ${victim?.name} held ${heldWhileDead} events when it came back, and all was settled ${report.settledAfterSeconds.toFixed(0)} s later.`,
    `The collector used ${report.coresUsed.toFixed(2)} cores, ${report.cpuMicrosPerEvent.toFixed(0)} µs of CPU an event for all sinks; RSS ${memory.join(", ")} MB (supervisor, worker); load average ${report.loadAverage?.toFixed(1)}.`,
  ].join("\n");
}
