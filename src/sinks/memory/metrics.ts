import { Counter, type Registry } from "prom-client";

export interface MemorySinkMetrics {
  readonly evicted: Counter<"sink">;
}

// All memory sinks of a process share one set, also after a reload has made new ones.
const created = new WeakMap<Registry, MemorySinkMetrics>();

export function createMemorySinkMetrics(registry: Registry): MemorySinkMetrics {
  const existing = created.get(registry);
  if (existing !== undefined) return existing;
  const metrics: MemorySinkMetrics = {
    evicted: new Counter({
      name: "millrace_memory_sink_evicted_events_total",
      help: "Events that a memory sink has let go to make room for newer ones.",
      labelNames: ["sink"],
      registers: [registry],
    }),
  };
  created.set(registry, metrics);
  return metrics;
}
