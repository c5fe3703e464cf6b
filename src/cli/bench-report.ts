import type { LoadResult } from "../bench/run-load.ts";
import type { painter } from "./paint.ts";
import { table } from "./table.ts";

export interface BenchReport extends LoadResult {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly eventsPerRequest: number;
  /** `null`: as fast as answered. */
  readonly wantedEventsPerSecond: number | null;
  /** Of requests that were answered with 2xx. */
  readonly eventsPerSecond: number;
  /** From its own metrics; all its load counts, not only this one. */
  readonly collector: {
    readonly events: number;
    readonly cpuMicrosPerEvent: number | null;
    readonly cores: number;
    /** Not delivered when the measurement ended: their CPU is not all counted. */
    readonly heldEvents: number;
  } | null;
}

/** A run for people. */
export function benchText(report: BenchReport, paint: ReturnType<typeof painter>): string {
  const { wantedEventsPerSecond: wanted, unsent, firstRefusal, failures, collector } = report;
  const { p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = report.latencies;
  const rows = [
    ["events/s", `${round(report.eventsPerSecond)}${wanted === null ? "" : ` of ${round(wanted)} wanted`}`],
    [
      "requests answered",
      Object.entries(report.statuses)
        .map(([code, times]) => `${code}: ${times}`)
        .join(", ") || "none",
    ],
    ...Object.entries(failures).map(([reason, times]) => ["failed", `${times}: ${reason}`]),
    ...(unsent === 0
      ? []
      : [["not sent", `${unsent}: no connection was free in time; the latencies do not have them`]]),
    ["p50", ms(p50Ms)],
    ["p90", ms(p90Ms)],
    ["p99", ms(p99Ms)],
    ["p99.9", ms(p999Ms)],
    ["longest", ms(maxMs)],
    ["CPU of this command", `${((report.generatorCpuMicros / 1e6 / report.seconds) * 100).toFixed(0)} % of a core`],
    ...(collector === null ? [] : collectorRows(collector)),
  ];
  const head = `${report.url}: ${report.seconds.toFixed(1)} s, ${report.connections} connections, ${report.eventsPerRequest} a request`;
  const lines = [head, table(rows)];
  if (firstRefusal !== undefined)
    lines.push(paint("red", `The first that was refused: ${firstRefusal.status} ${firstRefusal.body.slice(0, 500)}`));
  return lines.join("\n");
}

function collectorRows({
  events,
  cpuMicrosPerEvent,
  cores,
  heldEvents,
}: NonNullable<BenchReport["collector"]>): string[][] {
  const held = heldEvents === 0 ? "" : `, ${heldEvents} of them not delivered yet`;
  return [
    ["collector's CPU", `${cpuMicrosPerEvent?.toFixed(1) ?? "?"} µs an event, ${cores.toFixed(2)} cores`],
    ["collector's events", `${events}${held}`],
  ];
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

function round(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 });
}
