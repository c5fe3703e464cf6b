import type { Journal } from "../core/journal.ts";
import type { MillraceConfig } from "./config.ts";
import type { Pipelines } from "./pipelines.ts";

export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  /** Why it is not ready, in words. */
  readonly reasons: readonly string[];
}

/**
 * Whether a load balancer should send events here. Not while the journal's disk fails; some
 * seconds after a failure it is tried again, since without events nobody could tell. A dead sink alone is no reason: the
 * journal holds its events. It becomes one when the journal is nearly full, since then
 * other nodes may have room.
 */
export function healthOf(
  draining: boolean,
  journal: Journal,
  pipelines: Pipelines,
  limits: MillraceConfig["readiness"],
  nowMs: number,
): Health {
  const reasons: string[] = [];
  if (draining) reasons.push("draining");
  if (journal.failure !== undefined) reasons.push(journal.failure);
  const nearlyFull = journal.heldBytes >= journal.maxBytes * limits.journalFraction;
  for (const pipeline of pipelines) {
    const { state, sinceMs } = pipeline.health();
    const deadMs = nowMs - sinceMs;
    if (nearlyFull && pipeline.settings.required && state !== "ok" && deadMs > limits.sinkDeadMs) {
      reasons.push(
        `sink ${pipeline.settings.name} has failed for ${Math.round(deadMs / 1000)} s and the journal is nearly full`,
      );
    }
  }
  return { live: true, ready: reasons.length === 0, reasons };
}
