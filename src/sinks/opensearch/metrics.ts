import { Counter, type Registry } from "prom-client";

export interface OpensearchSinkMetrics {
  readonly duplicates: Counter<"sink">;
}

// All sinks of a process share one set, also after a reload has made new ones.
const created = new WeakMap<Registry, OpensearchSinkMetrics>();

export function createOpensearchSinkMetrics(registry: Registry): OpensearchSinkMetrics {
  const existing = created.get(registry);
  if (existing !== undefined) return existing;
  const metrics: OpensearchSinkMetrics = {
    duplicates: new Counter({
      name: "millrace_opensearch_sink_duplicate_events_total",
      help: "Events that the index had already by their id; they count as delivered.",
      labelNames: ["sink"],
      registers: [registry],
    }),
  };
  created.set(registry, metrics);
  return metrics;
}
