import { type LoadResult, runLoad } from "../src/bench/run-load.ts";
import { peakRss, processCpuMicros } from "./process-cpu.ts";
import { requestsInTurn, type Shape } from "./requests.ts";
import type { Target } from "./targets.ts";

/** One target under one kind of load. */
export interface Subject {
  readonly name: string;
  readonly target: Target;
  readonly shape: Shape;
  /** Query of the URL, such as `?ack=durable`. */
  readonly query?: string;
  /** Over all connections. Default: as fast as answered. */
  readonly requestsPerSecond?: number;
  /** Resolves when everything has arrived that can. Default: `target.settled`. */
  readonly settled?: () => Promise<void>;
}

/** One round against one subject. */
export interface Round {
  /** User and system time of the target's processes until the last accepted event has arrived, for each event. */
  readonly cpuMicrosPerEvent: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Requests that were not answered 201. */
  readonly failed: number;
  /** Of cores, from the first request until the last event has arrived. */
  readonly cpuShare: number;
  /** Of a core, while requests were sent. */
  readonly generatorCpuShare: number;
  /** Largest so far of the process itself, which is a collector's supervisor. */
  readonly ownRssBytes: number;
  /** Largest so far of a collector's workers. */
  readonly workerRssBytes: number;
}

export interface Length {
  readonly seconds: number;
  readonly requests: number | undefined;
}

/** As in the peers' tests. */
export const CONNECTIONS = 64;

/** A target is run warm for half a round, and for so long at least: V8 goes on optimising for seconds. */
const LEAST_WARM_UP_SECONDS = 3;

export async function measure(subject: Subject, length: Length): Promise<Round> {
  const { target, shape } = subject;
  const before = processCpuMicros(target.pid);
  const startedMs = performance.now();
  const load = await send(subject, length);
  await (subject.settled ?? target.settled.bind(target))();
  const cpuMicros = processCpuMicros(target.pid) - before;
  const events = load.taken * shape.eventsPerRequest;
  const rss = peakRss(target.pid);
  return {
    cpuMicrosPerEvent: cpuMicros / events,
    eventsPerSecond: (events * 1_000) / load.durationMs,
    p50Ms: load.latencies.p50Ms,
    p99Ms: load.latencies.p99Ms,
    failed: failedOf(load),
    cpuShare: cpuMicros / 1_000 / (performance.now() - startedMs),
    generatorCpuShare: load.generatorCpuMicros / 1_000 / load.durationMs,
    ownRssBytes: rss.ownBytes,
    workerRssBytes: rss.workerBytes,
  };
}

/** Compiles the code that is hot and opens what is opened once. */
export async function warmUp(subject: Subject, length: Length): Promise<void> {
  await send(subject, { seconds: Math.max(length.seconds / 2, LEAST_WARM_UP_SECONDS), requests: length.requests });
  await (subject.settled ?? subject.target.settled.bind(subject.target))();
}

/** Rounds against all subjects in turn, so that a noisy minute hits all of them alike. */
export async function alternate(
  subjects: readonly Subject[],
  rounds: number,
  length: Length,
  progress: (what: string) => void,
): Promise<{ readonly subject: Subject; readonly rounds: readonly Round[] }[]> {
  const all = subjects.map((subject) => ({ subject, rounds: [] as Round[] }));
  for (const { subject } of all) {
    progress(`warm-up: ${subject.name}`);
    await warmUp(subject, length);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { subject, rounds: done } of all) {
      progress(`round ${round} of ${rounds}: ${subject.name}`);
      done.push(await measure(subject, length));
    }
  }
  return all;
}

function send({ target, shape, query = "", requestsPerSecond }: Subject, length: Length): Promise<LoadResult> {
  const url = new URL(query, target.url);
  return runLoad({
    url,
    connections: CONNECTIONS,
    nextRequest: requestsInTurn(url, shape),
    seconds: length.seconds,
    ...(length.requests === undefined ? {} : { requests: length.requests }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
  });
}

function failedOf({ statuses, failures, unsent }: LoadResult): number {
  let failed = unsent;
  for (const [status, times] of Object.entries(statuses)) if (status !== "201") failed += times;
  for (const times of Object.values(failures)) failed += times;
  return failed;
}
