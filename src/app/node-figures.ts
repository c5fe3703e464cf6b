import type { NodeFigures } from "../alerts/node-figures.ts";
import type { EventsByReason } from "../core/ledger.ts";
import type { LedgerSummary } from "../core/ledger-summary.ts";
import type { MillraceConfig } from "./config.ts";
import { nodeSinks, type SlotView } from "./node-view.ts";
import type { WorkerFigures } from "./worker-metrics.ts";

/** How a node is doing: what its workers said just now, and the ledgers of all its slots. */
export interface NodeState {
  readonly config: Pick<MillraceConfig, "sources" | "sinks">;
  readonly views: readonly SlotView[];
  readonly ledger: LedgerSummary;
  readonly workers: readonly WorkerFigures[];
}

/** The figures that rules on the collector look at. */
export function nodeFigures({ config, views, ledger, workers }: NodeState, nowMs: number): NodeFigures {
  const bySink = new Map(nodeSinks(views).map((view) => [view.sink, view]));
  return {
    isComplete: views.length === workers.length,
    sources: config.sources.map(({ name }) => {
      const invalid = ledger.quarantined[name] ?? 0;
      return { source: name, sent: (ledger.accepted[name] ?? 0) + invalid + sumOf(ledger.filtered, name), invalid };
    }),
    sinks: config.sinks.map(({ name }) => {
      const view = bySink.get(name);
      const isFailing = view !== undefined && view.state !== "ok";
      const rows = ledger.rows.filter(({ sink }) => sink === name);
      return {
        sink: name,
        deadLetters: rows.reduce((total, { deadLettered }) => total + deadLettered, 0),
        lagMs: view?.lagMs ?? 0,
        lagEvents: view?.lagEvents ?? 0,
        failingMs: isFailing ? Math.max(0, nowMs - view.sinceMs) : 0,
      };
    }),
    journalFraction: Math.max(0, ...views.map(({ view }) => view.journalFraction)),
    workerRestarts: workers.reduce((total, { restarts }) => total + restarts, 0),
  };
}

function sumOf(counts: EventsByReason, source: string): number {
  return Object.values(counts[source] ?? {}).reduce((total, events) => total + events, 0);
}
