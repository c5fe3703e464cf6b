import { Counter, type Registry } from "prom-client";

export interface S3SinkMetrics {
  readonly objects: Counter<"sink" | "result">;
  readonly bytes: Counter<"sink">;
}

// All s3 sinks of a process share one set, also after a reload has made new ones.
const created = new WeakMap<Registry, S3SinkMetrics>();

export function createS3SinkMetrics(registry: Registry): S3SinkMetrics {
  const existing = created.get(registry);
  if (existing !== undefined) return existing;
  const metrics: S3SinkMetrics = {
    objects: new Counter({
      name: "millrace_s3_sink_objects_total",
      help: "Objects by result: created, found (it was there, with the same events), or renamed (another with its key was there, and it got its own).",
      labelNames: ["sink", "result"],
      registers: [registry],
    }),
    bytes: new Counter({
      name: "millrace_s3_sink_object_bytes_total",
      help: "Bytes of the objects created or renamed, as they are in the bucket.",
      labelNames: ["sink"],
      registers: [registry],
    }),
  };
  created.set(registry, metrics);
  return metrics;
}
