import type { Round, Subject } from "./measure.ts";

/** The medians of several rounds against one subject. */
export interface Measurement {
  readonly scenario: string;
  readonly name: string;
  readonly eventsPerRequest: number;
  readonly median: Round;
  readonly minCpuMicrosPerEvent: number;
  readonly maxCpuMicrosPerEvent: number;
  readonly maxEventsPerSecond: number;
  /** Median CPU an event in medians of the nginx floor under the same load; `null` when there was none. */
  readonly ratio: number | null;
  /** The same of the best rounds. */
  readonly bestRatio: number | null;
}

/** Summarises the rounds of a scenario; `floorName` is the subject that ratios refer to. */
export function summarise(
  scenario: string,
  all: readonly { readonly subject: Subject; readonly rounds: readonly Round[] }[],
  floorName?: string,
): Measurement[] {
  const floor = all.find(({ subject }) => subject.name === floorName);
  const floorCpu = floor?.rounds.map((round) => round.cpuMicrosPerEvent) ?? [];
  return all.map(({ subject, rounds }) => {
    const of = (key: keyof Round): number => median(rounds.map((round) => round[key]));
    const cpu = rounds.map((round) => round.cpuMicrosPerEvent);
    return {
      scenario,
      name: subject.name,
      eventsPerRequest: subject.shape.eventsPerRequest,
      median: {
        cpuMicrosPerEvent: of("cpuMicrosPerEvent"),
        eventsPerSecond: of("eventsPerSecond"),
        p50Ms: of("p50Ms"),
        p99Ms: of("p99Ms"),
        failed: rounds.reduce((sum, round) => sum + round.failed, 0),
        cpuShare: of("cpuShare"),
        generatorCpuShare: of("generatorCpuShare"),
        ownRssBytes: Math.max(...rounds.map((round) => round.ownRssBytes)),
        workerRssBytes: Math.max(...rounds.map((round) => round.workerRssBytes)),
      },
      minCpuMicrosPerEvent: Math.min(...cpu),
      maxCpuMicrosPerEvent: Math.max(...cpu),
      maxEventsPerSecond: Math.max(...rounds.map((round) => round.eventsPerSecond)),
      ratio: floorCpu.length === 0 ? null : of("cpuMicrosPerEvent") / median(floorCpu),
      bestRatio: floorCpu.length === 0 ? null : Math.min(...cpu) / Math.min(...floorCpu),
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
