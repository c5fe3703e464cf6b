import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { runLoad } from "../../src/bench/run-load.ts";
import { Collector } from "../collector.ts";
import { CONNECTIONS, warmUp } from "../measure.ts";
import { processCpuMicros } from "../process-cpu.ts";
import { requestsInTurn, type Shape } from "../requests.ts";
import { attribute } from "./attribute.ts";
import { workerProfile } from "./cpu-profile.ts";

interface ProfileOptions {
  /** The collector's program. */
  readonly main: string;
  readonly seconds: number;
  /** Default: all of {@link SHAPES}. Others have no profile. */
  readonly only: readonly string[] | undefined;
}

/** Where the time of an event goes, in one scenario. */
interface ProfileSummary {
  readonly scenario: string;
  readonly events: number;
  /** As the kernel counts it, of all processes and threads, profiling included. */
  readonly cpuMicrosPerEvent: number;
  /** Of the worker's main thread, by part. */
  readonly parts: Readonly<Record<string, number>>;
  /** By function, itself only; the dearest. */
  readonly functions: Readonly<Record<string, number>>;
  readonly text: string;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  single: { eventsPerRequest: 1, body: "json" },
  batch: { eventsPerRequest: 20, body: "json" },
  ndjson: { eventsPerRequest: 100, body: "ndjson+gzip" },
};

/** Often enough to see parts of a percent, and cheap enough to change little. */
const SAMPLE_MICROS = 500;
const DEAREST = 25;

/** Profiles a worker with `--cpu-prof` under the load of some scenarios. */
export async function profile({ main, seconds, only }: ProfileOptions): Promise<ProfileSummary[]> {
  const chosen = Object.entries(SHAPES).filter(([scenario]) => only?.includes(scenario) ?? true);
  if (chosen.length === 0) throw new Error(`--profile knows the scenarios ${Object.keys(SHAPES).join(", ")}`);
  const summaries: ProfileSummary[] = [];
  for (const [scenario, shape] of chosen) summaries.push(await profileOne(scenario, shape, main, seconds));
  return summaries;
}

async function profileOne(scenario: string, shape: Shape, main: string, seconds: number): Promise<ProfileSummary> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-profile-"));
  try {
    const options = `--cpu-prof --cpu-prof-dir=${dir} --cpu-prof-interval=${SAMPLE_MICROS}`;
    await using collector = await Collector.start({ name: scenario, main, env: { NODE_OPTIONS: options } });
    await warmUp({ name: scenario, target: collector, shape }, { seconds, requests: undefined });
    const cpuBefore = processCpuMicros(collector.pid);
    const fromMicros = monotonicMicros();
    const { answered } = await runLoad({
      url: collector.url,
      connections: CONNECTIONS,
      nextRequest: requestsInTurn(collector.url, shape),
      seconds,
    });
    await collector.settled();
    const toMicros = monotonicMicros();
    const cpuMicros = processCpuMicros(collector.pid) - cpuBefore;
    // The profile is written when the worker ends in order.
    await collector.end();
    const { parts, functions, busyMicros } = attribute(await workerProfile(dir), fromMicros, toMicros);
    const events = answered * shape.eventsPerRequest;
    const summary = {
      scenario,
      events,
      cpuMicrosPerEvent: cpuMicros / events,
      parts: perEvent(parts, events),
      functions: perEvent(functions, events, DEAREST),
    };
    return { ...summary, text: render(summary, busyMicros / events) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The clock of profiles. */
function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

function perEvent(micros: ReadonlyMap<string, number>, events: number, most = Infinity): Record<string, number> {
  const sorted = [...micros].toSorted(([, a], [, b]) => b - a).slice(0, most);
  return Object.fromEntries(sorted.map(([name, each]) => [name, each / events]));
}

function render(summary: Omit<ProfileSummary, "text">, busyMicrosPerEvent: number): string {
  const { scenario, events, cpuMicrosPerEvent, parts, functions } = summary;
  const rows = (of: Readonly<Record<string, number>>): string[] =>
    Object.entries(of).map(([name, micros]) => {
      const share = ((100 * micros) / busyMicrosPerEvent).toFixed(1).padStart(5);
      return `  ${micros.toFixed(2).padStart(7)} µs ${share} %  ${name}`;
    });
  return [
    `### ${scenario}: ${events} events, ${cpuMicrosPerEvent.toFixed(1)} µs of CPU each, profiling included`,
    "",
    `The worker's main thread: ${busyMicrosPerEvent.toFixed(2)} µs an event. The rest is the supervisor, and V8's and libuv's threads.`,
    ...rows(parts),
    "",
    "The dearest functions, without what they call:",
    ...rows(functions),
  ].join("\n");
}
