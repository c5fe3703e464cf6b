import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import type { Position } from "../core/event.ts";
import type { RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";
import type { PipelineMetrics } from "../pipeline/metrics.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { BatchLog } from "./batch-log.ts";
import type { StreamBatch } from "./stream-batch.ts";

/** A sink that stays open from one invocation to the next. */
export interface Destination {
  readonly settings: SinkSettings;
  readonly sink: Sink;
}

export interface DeliveryOptions {
  readonly destinations: readonly Destination[];
  readonly deadLetters: RejectLog;
  readonly clock: Clock;
  readonly metrics: PipelineMetrics;
  readonly log: Logger;
}

/** What became of a batch. */
export interface Delivered {
  /** Whether every sink has settled the event: delivered, dead-lettered or filtered. */
  readonly isSettled: (position: Position) => boolean;
  /** By sink: events by outcome. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Sends a batch to every sink, by a pipeline each, as the collector does, for at most `withinMs`. */
export async function deliver(batch: StreamBatch, withinMs: number, options: DeliveryOptions): Promise<Delivered> {
  const { destinations, deadLetters, clock, metrics, log } = options;
  const journal = new BatchLog(batch.events);
  const counts: Record<string, Record<string, number>> = {};
  const pipelines = destinations.map(({ settings, sink }) => {
    const tally: Record<string, number> = {};
    counts[settings.name] = tally;
    let cursor = 0;
    return new Pipeline({
      settings,
      sink: keptOpen(sink),
      journal,
      from: 0,
      settle(next, settled) {
        cursor = next;
        for (const { outcome, events } of settled) {
          const word = outcome.kind === "dropped" ? outcome.reason : outcome.kind;
          tally[word] = (tally[word] ?? 0) + events;
        }
      },
      deadLetters,
      clock,
      random: Math.random,
      metrics,
      log: log.child({ sink: settings.name }),
      owed: () => batch.events.length - cursor,
    });
  });
  for (const pipeline of pipelines) pipeline.start();
  await Promise.all(pipelines.map((pipeline) => pipeline.drain(withinMs)));
  return { counts, isSettled: (position) => pipelines.every((pipeline) => pipeline.stateOf(position) !== "held") };
}

/** The pipeline ends with the invocation, and closes its sink; the connections are good for the next. */
function keptOpen(sink: Sink): Sink {
  return {
    name: sink.name,
    type: sink.type,
    limits: sink.limits,
    eventBytes: (event) => sink.eventBytes(event),
    write: (batch, signal) => sink.write(batch, signal),
    check: (signal) => sink.check(signal),
    close: async () => {},
  };
}
