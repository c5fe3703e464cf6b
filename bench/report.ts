/** One round against one target. */
export interface Round {
  readonly cpuMicrosPerEvent: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  readonly peakRssBytes: number;
}

export interface Measurement {
  readonly target: string;
  readonly eventsPerRequest: number;
  readonly median: Round;
  readonly minCpuMicrosPerEvent: number;
  readonly maxCpuMicrosPerEvent: number;
}

export function summarise(target: string, eventsPerRequest: number, rounds: readonly Round[]): Measurement {
  const of = (key: keyof Round): number => median(rounds.map((round) => round[key]));
  const cpu = rounds.map((round) => round.cpuMicrosPerEvent);
  return {
    target,
    eventsPerRequest,
    median: {
      cpuMicrosPerEvent: of("cpuMicrosPerEvent"),
      eventsPerSecond: of("eventsPerSecond"),
      p50Ms: of("p50Ms"),
      p99Ms: of("p99Ms"),
      failed: rounds.reduce((sum, round) => sum + round.failed, 0),
      peakRssBytes: of("peakRssBytes"),
    },
    minCpuMicrosPerEvent: Math.min(...cpu),
    maxCpuMicrosPerEvent: Math.max(...cpu),
  };
}

/** A table in Markdown; the ratio is to the first target with the same number of events a request. */
export function renderTable(measurements: readonly Measurement[]): string {
  const lines = [
    "| | events/request | CPU µs/event (min–max) | ratio to floor | events/s | p50 ms | p99 ms | not 201 | peak RSS MB |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const measurement of measurements) {
    const { median: typical, minCpuMicrosPerEvent: min, maxCpuMicrosPerEvent: max } = measurement;
    const floor = measurements.find((other) => other.eventsPerRequest === measurement.eventsPerRequest);
    const ratio = typical.cpuMicrosPerEvent / (floor?.median.cpuMicrosPerEvent ?? Number.NaN);
    const cells = [
      measurement.target,
      measurement.eventsPerRequest,
      `${typical.cpuMicrosPerEvent.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`,
      ratio.toFixed(2),
      Math.round(typical.eventsPerSecond),
      typical.p50Ms.toFixed(1),
      typical.p99Ms.toFixed(1),
      typical.failed,
      Math.round(typical.peakRssBytes / 1e6),
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
