// npm run bench: CPU time and latency per event, beside two floors measured in the same run.
//
// Rounds alternate between the targets, so that a noisy minute hits all of them alike, and
// each figure is the median over the rounds. CPU is the process's own user and system time
// until its last accepted event has reached the destination; the load generator and the
// Kinesis stand-in are processes of their own and do not count.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { runLoad } from "./load.ts";
import { peakRssBytes, processCpuMicros } from "./process-cpu.ts";
import { type Measurement, type Round, renderTable, summarise } from "./report.ts";
import { bareNodeFloor, millrace, nginxFloor, type Target } from "./targets.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    requests: { type: "string", default: "100000" },
    json: { type: "boolean", default: false },
  },
});
const CONNECTIONS = 64;
const rounds = positive("rounds", values.rounds);
const requests = positive("requests", values.requests);

const starts: readonly [string, () => Promise<Target>][] = [
  ["nginx", nginxFloor],
  ["node", bareNodeFloor],
  ["millrace none", () => millrace("none")],
  ["millrace kpl", () => millrace("kpl")],
];

if (process.platform !== "linux") throw new Error("the benchmark reads CPU time from /proc and needs Linux");
const measurements: Measurement[] = [];
const skipped: string[] = [];
for (const eventsPerRequest of [1, 20]) {
  // A larger request takes longer: about as many seconds, not as many requests.
  const load = {
    connections: CONNECTIONS,
    eventsPerRequest,
    requests: Math.ceil(requests / (eventsPerRequest === 1 ? 1 : 8)),
  };
  await using stack = new AsyncDisposableStack();
  const targets: { target: Target; rounds: Round[] }[] = [];
  for (const [name, start] of starts) {
    try {
      const target = stack.use(await start());
      await runLoad(target.url, { ...load, requests: Math.ceil(load.requests / 4) });
      await target.settled();
      targets.push({ target, rounds: [] });
    } catch (error) {
      if (name !== "nginx") throw error;
      skipped.push(
        `nginx: skipped, it could not be started; install it (Debian: nginx-light). ${String(error).split("\n")[0]}`,
      );
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const measured of targets) {
      if (process.stderr.isTTY)
        process.stderr.write(
          `\r\u001B[K${eventsPerRequest} per request, round ${round + 1}/${rounds}: ${measured.target.name}`,
        );
      measured.rounds.push(await measure(measured.target, load));
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\u001B[K");
  for (const { target, rounds: done } of targets) measurements.push(summarise(target.name, eventsPerRequest, done));
}

const table = renderTable(measurements);
const results = path.join(import.meta.dirname, "results");
await mkdir(results, { recursive: true });
const report = {
  at: new Date().toISOString(),
  node: process.version,
  connections: CONNECTIONS,
  rounds,
  measurements,
  skipped,
};
await writeFile(path.join(results, "latest.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(values.json ? JSON.stringify(report) : [table, ...skipped].join("\n"));

async function measure(target: Target, load: Parameters<typeof runLoad>[1]): Promise<Round> {
  const before = processCpuMicros(target.pid);
  const result = await runLoad(target.url, load);
  await target.settled();
  const cpuMicros = processCpuMicros(target.pid) - before;
  const events = load.requests * load.eventsPerRequest;
  return {
    cpuMicrosPerEvent: cpuMicros / events,
    eventsPerSecond: (events * 1000) / result.durationMs,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    failed: result.failed,
    peakRssBytes: peakRssBytes(target.pid),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1, not ${text}`);
  return value;
}
