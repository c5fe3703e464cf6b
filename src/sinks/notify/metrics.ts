import { Counter, type Registry } from "prom-client";

export interface NotifySinkMetrics {
  readonly matched: Counter<"sink" | "rule">;
  readonly ruleErrors: Counter<"sink" | "rule">;
}

// All sinks of this type in a process share one set, also after a reload has made new ones.
const created = new WeakMap<Registry, NotifySinkMetrics>();

export function createNotifySinkMetrics(registry: Registry): NotifySinkMetrics {
  const existing = created.get(registry);
  if (existing !== undefined) return existing;
  const metrics: NotifySinkMetrics = {
    matched: new Counter({
      name: "millrace_notify_matched_events_total",
      help: "Events that matched a rule and were counted.",
      labelNames: ["sink", "rule"],
      registers: [registry],
    }),
    ruleErrors: new Counter({
      name: "millrace_notify_rule_errors_total",
      help: "Events for which a rule's expression had no answer; they did not count.",
      labelNames: ["sink", "rule"],
      registers: [registry],
    }),
  };
  created.set(registry, metrics);
  return metrics;
}
