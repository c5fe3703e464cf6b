import { hash } from "node:crypto";
import type { EventRuleConfig } from "./rule-config.ts";

/** What one batch of events brought for the rules of a sink. A worker sends it to where counts are judged. */
export interface CountReport {
  readonly sink: string;
  /** From this Unix time on nobody waits for the answer: the events are sent again, so this report must not count. */
  readonly expiresMs: number;
  readonly rules: readonly RuleCounts[];
}

export interface RuleCounts {
  readonly rule: string;
  /** What was counted, by `countingOf`. */
  readonly counting: string;
  readonly groups: readonly GroupCounts[];
}

/** The events of one group: at most as many buckets as the batch has events. */
export interface GroupCounts {
  /** One for each entry of `groupBy`. */
  readonly values: readonly string[];
  /** Numbers of buckets (`bucketMsOf`), each with its events. */
  readonly buckets: readonly (readonly [bucket: number, events: number])[];
  /** When the first and the last of them were received, as Unix time. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Id of one of them. */
  readonly sampleId: string;
}

/** `unknown`: there is no such sink where counts are judged, for now. `late`: the report had expired. */
export type CountAnswer = "counted" | "unknown" | "late";

/** Steps in which a window moves on. */
const STEPS = 60;

/** Width of the buckets in which the events of a window are counted. */
export function bucketMsOf(withinMs: number): number {
  return Math.ceil(withinMs / STEPS);
}

/** Equal for rules that count the same events in the same way, whatever they make of the numbers. */
export function countingOf(rule: EventRuleConfig, sinkFilter: string | undefined): string {
  return hash("sha256", JSON.stringify([sinkFilter, rule.when, rule.groupBy, rule.withinMs])).slice(0, 16);
}
