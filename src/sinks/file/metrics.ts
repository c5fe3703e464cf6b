import { Counter, type Registry } from "prom-client";

export interface FileSinkMetrics {
  readonly finished: Counter<"sink">;
  readonly recovered: Counter<"sink">;
  readonly finishFailures: Counter<"sink">;
  readonly deleted: Counter<"sink" | "reason">;
}

// All file sinks of a process share one set, also after a reload has made new ones.
const created = new WeakMap<Registry, FileSinkMetrics>();

export function createFileSinkMetrics(registry: Registry): FileSinkMetrics {
  const existing = created.get(registry);
  if (existing !== undefined) return existing;
  const registers = [registry];
  const metrics: FileSinkMetrics = {
    finished: new Counter({
      name: "millrace_file_sink_finished_files_total",
      help: "Files that were completed and got their final name.",
      labelNames: ["sink"],
      registers,
    }),
    recovered: new Counter({
      name: "millrace_file_sink_recovered_files_total",
      help: "Files that a crash had left under their hidden name and that were finished at the next start.",
      labelNames: ["sink"],
      registers,
    }),
    finishFailures: new Counter({
      name: "millrace_file_sink_finish_failures_total",
      help: "Attempts to finish a file that failed. Its events are safe; it is tried again.",
      labelNames: ["sink"],
      registers,
    }),
    deleted: new Counter({
      name: "millrace_file_sink_deleted_files_total",
      help: "Finished files deleted by retention, by the limit that was reached: age or bytes.",
      labelNames: ["sink", "reason"],
      registers,
    }),
  };
  created.set(registry, metrics);
  return metrics;
}
