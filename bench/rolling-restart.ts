// npm run bench:rolling: three collectors behind nginx are restarted one after the other, as a
// deployment does, while a client that never repeats a request sends at a steady rate.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CollectorProcess, temporaryDir } from "../test/kit/collector-process.ts";
import { CountingSink } from "./kit/counting-sink.ts";
import { freePort } from "./kit/free-port.ts";
import { Nginx } from "./kit/nginx.ts";
import { type Latencies, NumberedLoad } from "./kit/numbered-load.ts";
import { collectorYaml, CONNECTIONS, KEY } from "./kit/rig.ts";
import { balance } from "./kit/tally.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    rate: { type: "string", default: "2000" },
    "pre-stop-ms": { type: "string", default: "2000" },
    workers: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const options = {
  rounds: wholeNumber("rounds", values.rounds, 1),
  eventsPerSecond: wholeNumber("rate", values.rate, 1),
  preStopMs: wholeNumber("pre-stop-ms", values["pre-stop-ms"], 0),
  workers: wholeNumber("workers", values.workers, 1),
};

const COLLECTORS = 3;
const CALM_MS = 5_000;

/** Between two restarts: nginx tries a collector again a second after it failed. */
const BETWEEN_MS = 2_000;

interface Restart {
  readonly round: number;
  readonly collector: number;
  readonly exitCode: number | NodeJS.Signals | null;
  readonly drainMs: number;
  readonly startMs: number;
  readonly acks: Latencies;
}

await using opened = new AsyncDisposableStack();
const sink = opened.use(await CountingSink.start(CONNECTIONS));
const yaml = collectorYaml(
  sink.url,
  "",
  `workers: ${options.workers}\nshutdown: { preStopMs: ${options.preStopMs} }\nhttp: { trustedProxyHops: 1 }\n`,
);
const collectors: { readonly dir: string; readonly port: number; process: CollectorProcess }[] = [];
opened.defer(async () => {
  await Promise.all(collectors.map((each) => each.process.kill()));
});
for (let index = 0; index < COLLECTORS; index++) {
  const dir = opened.use(await temporaryDir()).path;
  const port = await freePort();
  collectors.push({ dir, port, process: await CollectorProcess.start(dir, yaml, {}, port) });
}
const nginx = opened.use(
  await Nginx.start(
    await freePort(),
    collectors.map(({ port }) => port),
  ),
);
const load = new NumberedLoad({
  url: `http://127.0.0.1:${nginx.port}`,
  key: KEY,
  connections: CONNECTIONS,
  eventsPerRequest: 1,
  eventsPerSecond: options.eventsPerSecond,
});
await delay(CALM_MS);
const calm = load.takeLatencies();
const restarts: Restart[] = [];
for (let round = 1; round <= options.rounds; round++) {
  for (let index = 0; index < COLLECTORS; index++) {
    const restart = await restartOne(round, index);
    restarts.push(restart);
    process.stderr.write(`${cellsOf(restart)}\n`);
  }
}
await load.stop();
await Promise.all(collectors.map((each) => each.process.settled()));

const counts = await sink.counts();
const result = {
  requests: load.requests,
  unanswered: load.unanswered,
  refused: Object.fromEntries(load.refused),
  ...balance(load.acknowledged.bytes, counts.stored),
  altered: counts.altered,
};
const [failedRequests, nginxErrors] = [await nginx.failedRequests(), await nginx.errors()];
const report = {
  at: new Date().toISOString(),
  node: process.version,
  options,
  calm,
  restarts,
  result,
  failedRequests,
  nginxErrors,
};
const folder = path.join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "rolling-restart.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(values.json ? JSON.stringify(report) : render());
const isSound =
  result.acknowledged > 0 &&
  load.unanswered + load.refused.size + result.lost + result.altered === 0 &&
  restarts.every(({ exitCode }) => exitCode === 0);
process.exitCode = isSound ? 0 : 1;

/** SIGTERM, the drain, the exit, a new process on the same journal and port, and a while for nginx to find it. */
async function restartOne(round: number, index: number): Promise<Restart> {
  const collector = collectors[index];
  if (collector === undefined) throw new Error(`there is no collector ${index}`);
  load.takeLatencies();
  const startedMs = performance.now();
  collector.process.signal("SIGTERM");
  const exitCode = await collector.process.exited();
  const exitedMs = performance.now();
  collector.process = await CollectorProcess.start(collector.dir, yaml, {}, collector.port);
  const readyMs = performance.now();
  await delay(BETWEEN_MS);
  const [drainMs, startMs] = [exitedMs - startedMs, readyMs - exitedMs];
  return { round, collector: index + 1, exitCode, drainMs, startMs, acks: load.takeLatencies() };
}

function render(): string {
  // Without times, process and connection numbers and addresses, which differ in each.
  const kinds = new Set(nginxErrors.map((line) => /\d+#\d+: \*\d+ (.*?), client:/.exec(line)?.[1] ?? line));
  return [
    "| round | collector | exit code | drain ms | start ms | answers | p50 ms | p99 ms | max ms |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...restarts.map((restart) => cellsOf(restart)),
    "",
    `Before: ${calm.answers} answers, p50 ${calm.p50Ms.toFixed(2)} ms, p99 ${calm.p99Ms.toFixed(2)} ms, at most ${calm.maxMs.toFixed(1)} ms.`,
    `${options.eventsPerSecond} requests/s of one event over ${CONNECTIONS} connections, none repeated; preStopMs ${options.preStopMs}; ${options.workers} worker(s) per collector.`,
    `${result.requests} requests: ${result.unanswered} without an answer, answered otherwise than 201: ${JSON.stringify(result.refused)}.`,
    `Acknowledged ${result.acknowledged}, lost ${result.lost}, doubled ${result.doubled}, altered ${result.altered}.`,
    `nginx logged ${nginxErrors.length} errors of these kinds:`,
    ...[...kinds].map((kind) => `  ${kind}`),
    ...failedRequests.map((line) => `failed: ${line}`),
    ...load.failures.map(({ at, what }) => `client: ${at} ${what}`),
  ].join("\n");
}

function cellsOf({ round, collector, exitCode, drainMs, startMs, acks }: Restart): string {
  const latencies = [acks.p50Ms.toFixed(2), acks.p99Ms.toFixed(2), acks.maxMs.toFixed(1)];
  const cells = [round, collector, exitCode, Math.round(drainMs), Math.round(startMs), acks.answers, ...latencies];
  return `| ${cells.join(" | ")} |`;
}

function wholeNumber(name: string, text: string, from: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < from)
    throw new Error(`--${name} takes a whole number from ${from}, not ${text}`);
  return value;
}
