import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { BatchTrigger } from "./batcher.ts";
import type { DeadLetterCode } from "./dead-letters.ts";
import type { SinkHealth } from "./sink-health.ts";

/** Distinct `reason` labels of one sink. Reasons quote destinations, which could make up any number of them. */
const MAX_REASONS = 30;
const MAX_REASON_CHARS = 64;

/** One sink's instruments. */
export interface SinkMetrics {
  delivered(events: number): void;
  retried(reason: string, events: number): void;
  deadLettered(code: DeadLetterCode, events: number): void;
  /** An event too large for the sink goes by claim check: its data is stored. */
  claimed(): void;
  /** The claim check could not store an event's data. */
  claimFailed(): void;
  dropped(reason: "filtered" | "filter_error", events: number): void;
  batch(trigger: BatchTrigger, events: number, bytes: number): void;
  wrote(seconds: number): void;
  /** The sink's pipeline has stopped: its gauges are no longer shown. */
  detach(): void;
}

export interface PipelineMetrics {
  /** @param health read at each scrape */
  forSink(sink: string, health: () => SinkHealth): SinkMetrics;
}

export function createPipelineMetrics(registry: Registry): PipelineMetrics {
  const registers = [registry];
  const delivered = new Counter({
    name: "millrace_sink_delivered_events_total",
    help: "Events a sink has taken, counted when its receipt comes.",
    labelNames: ["sink"],
    registers,
  });
  const retried = new Counter({
    name: "millrace_sink_retried_events_total",
    help: "Events a sink could not take and that are sent again, by reason; each attempt counts.",
    labelNames: ["sink", "reason"],
    registers,
  });
  const deadLettered = new Counter({
    name: "millrace_sink_dead_lettered_events_total",
    help: "Events written to the dead letters instead of a sink, by code.",
    labelNames: ["sink", "code"],
    registers,
  });
  const dropped = new Counter({
    name: "millrace_sink_dropped_events_total",
    help: "Events not sent to a sink: filtered (its `when` is false) or filter_error (its `when` has no answer).",
    labelNames: ["sink", "reason"],
    registers,
  });
  const claimed = new Counter({
    name: "millrace_sink_claimed_events_total",
    help: "Events too large for a sink whose data was stored at the claim check; a pointer is sent instead.",
    labelNames: ["sink"],
    registers,
  });
  const failedClaims = new Counter({
    name: "millrace_sink_failed_claims_total",
    help: "Attempts to store data at the claim check that failed; they are repeated.",
    labelNames: ["sink"],
    registers,
  });
  const batches = new Counter({
    name: "millrace_sink_batches_total",
    help: "Batches sent, by what closed them: count, bytes, age, window or drain. Parts of a refused batch are not counted.",
    labelNames: ["sink", "trigger"],
    registers,
  });
  const batchEvents = new Histogram({
    name: "millrace_sink_batch_events",
    help: "Events in a batch.",
    labelNames: ["sink"],
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 25_000],
    registers,
  });
  const batchBytes = new Histogram({
    name: "millrace_sink_batch_bytes",
    help: "Bytes in a batch, as the sink counts them.",
    labelNames: ["sink"],
    buckets: [1_024, 8_192, 65_536, 262_144, 1_048_576, 4_194_304, 10_485_760, 67_108_864],
    registers,
  });
  const writeSeconds = new Histogram({
    name: "millrace_sink_write_seconds",
    help: "Time from sending a batch to its receipt.",
    labelNames: ["sink"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
    registers,
  });

  const healths = new Map<string, () => SinkHealth>();
  const gauge = (name: string, help: string, read: (health: SinkHealth) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["sink"],
      registers,
      collect() {
        this.reset();
        for (const [sink, health] of healths) this.set({ sink }, read(health()));
      },
    });
  gauge("millrace_sink_writes_in_flight", "Writes on their way to a sink.", ({ inFlight }) => inFlight);
  gauge("millrace_sink_circuit_open", "1 while a sink takes nothing and only probes are sent.", ({ state }) =>
    state === "open" ? 1 : 0,
  );
  gauge("millrace_sink_lag_events", "Events in the journal that a sink has not settled.", ({ lagEvents }) => lagEvents);
  gauge(
    "millrace_sink_lag_bytes",
    "Bytes of the journal from a sink's cursor to the end, with framing: exact to a part of a segment.",
    ({ lagBytes }) => lagBytes,
  );
  gauge(
    "millrace_sink_lag_seconds",
    "Age of the oldest event that a sink has not settled, read or not; 0 when there is none.",
    ({ lagMs }) => lagMs / 1_000,
  );

  return {
    forSink(sink, health) {
      healths.set(sink, health);
      const label = new ReasonLabels();
      const sinkDelivered = delivered.labels(sink);
      const sinkBatchEvents = batchEvents.labels(sink);
      const sinkBatchBytes = batchBytes.labels(sink);
      const sinkWriteSeconds = writeSeconds.labels(sink);
      return {
        delivered: (events) => sinkDelivered.inc(events),
        retried: (reason, events) => retried.labels(sink, label.of(reason)).inc(events),
        deadLettered: (code, events) => deadLettered.labels(sink, code).inc(events),
        claimed: () => claimed.labels(sink).inc(),
        claimFailed: () => failedClaims.labels(sink).inc(),
        dropped: (reason, events) => dropped.labels(sink, reason).inc(events),
        batch(trigger, events, bytes) {
          batches.labels(sink, trigger).inc();
          sinkBatchEvents.observe(events);
          sinkBatchBytes.observe(bytes);
        },
        wrote: (seconds) => sinkWriteSeconds.observe(seconds),
        detach() {
          if (healths.get(sink) === health) healths.delete(sink);
        },
      };
    },
  };
}

/** Turns reasons into labels: short, of harmless characters, and few; all after the first thirty are `other`. */
class ReasonLabels {
  readonly #labels = new Set<string>();

  of(reason: string): string {
    const label = reason.slice(0, MAX_REASON_CHARS).replaceAll(/[^A-Za-z0-9_.:-]+/g, "_") || "unknown";
    if (this.#labels.has(label)) return label;
    if (this.#labels.size >= MAX_REASONS) return "other";
    this.#labels.add(label);
    return label;
  }
}
