import { Counter, type Registry } from "prom-client";

export interface NatsSinkMetrics {
  readonly duplicates: Counter<"sink">;
}

// All nats sinks of a process share one set, also after a reload has made new ones.
const created = new WeakMap<Registry, NatsSinkMetrics>();

export function createNatsSinkMetrics(registry: Registry): NatsSinkMetrics {
  const existing = created.get(registry);
  if (existing !== undefined) return existing;
  const metrics: NatsSinkMetrics = {
    duplicates: new Counter({
      name: "millrace_nats_sink_duplicate_events_total",
      help: "Events that a stream had already, so that it did not store them again. They count as delivered.",
      labelNames: ["sink"],
      registers: [registry],
    }),
  };
  created.set(registry, metrics);
  return metrics;
}
