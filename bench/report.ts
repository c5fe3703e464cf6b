import { type Finding, isMet } from "./finding.ts";
import type { Measurement } from "./measurement.ts";

/** Everything that one run found out. `bench/results/bench.json` and `bench/baseline.json` have this form. */
export interface Report {
  /** ISO 8601. */
  readonly at: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  /** Before the run and at its end, over a minute: what else ran is in the first. */
  readonly loadAverage: readonly [number, number];
  readonly connections: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly measurements: readonly Measurement[];
  readonly findings: readonly Finding[];
  readonly skipped: readonly string[];
}

/** The report for people, in Markdown. */
export function renderReport(report: Report): string {
  const scenarios = [...new Set([...report.measurements, ...report.findings].map(({ scenario }) => scenario))];
  return scenarios
    .flatMap((name) => [
      `### ${name}`,
      "",
      ...measurementTable(report.measurements.filter(({ scenario }) => scenario === name)),
      ...findingTable(report.findings.filter(({ scenario }) => scenario === name)),
    ])
    .concat(report.skipped)
    .join("\n");
}

export function measurementTable(measurements: readonly Measurement[]): string[] {
  if (measurements.length === 0) return [];
  const lines = [
    "| | events/request | CPU µs/event (min–max) | ratio to floor | events/s | p50 ms | p99 ms | not 201 | RSS MB, worker / supervisor | generator |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const { name, eventsPerRequest, median, minCpuMicrosPerEvent, maxCpuMicrosPerEvent, ratio } of measurements) {
    const spread = `${minCpuMicrosPerEvent.toFixed(2)}–${maxCpuMicrosPerEvent.toFixed(2)}`;
    const own = Math.round(median.ownRssBytes / 1e6);
    const cells = [
      name,
      eventsPerRequest,
      `${median.cpuMicrosPerEvent.toFixed(2)} (${spread})`,
      ratio?.toFixed(2) ?? "–",
      Math.round(median.eventsPerSecond),
      median.p50Ms.toFixed(1),
      median.p99Ms.toFixed(1),
      median.failed,
      median.workerRssBytes === 0 ? own : `${Math.round(median.workerRssBytes / 1e6)} / ${own}`,
      `${(median.generatorCpuShare * 100).toFixed(0)} %`,
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return [...lines, ""];
}

export function findingTable(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return [];
  const lines = ["| | figure | goal | met |", "| --- | ---: | ---: | --- |"];
  for (const finding of findings) {
    const { name, value, unit, goal, note } = finding;
    const met = isMet(finding);
    const cells = [
      note === undefined ? name : `${name} (${note})`,
      inUnit(value, unit),
      goal === undefined ? "–" : `${goal.kind} ${goal.value} ${unit}`,
      met === undefined ? "–" : met ? "yes" : "**no**",
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return [...lines, ""];
}

function inUnit(value: number, unit: Finding["unit"]): string {
  if (Number.isNaN(value)) return "–";
  return `${value.toFixed(value >= 1_000 ? 0 : value >= 100 ? 1 : 2)} ${unit}`;
}
