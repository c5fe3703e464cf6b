import { bucketMsOf, countingOf, type GroupCounts, type RuleCounts } from "../../alerts/count-report.ts";
import type { EventRuleConfig } from "../../alerts/rule-config.ts";
import type { Batch } from "../../core/sink.ts";
import { EventCondition } from "../../expressions/event-condition.ts";
import { ReadEvent } from "../../expressions/read-event.ts";
import { groupReader, type GroupReader } from "./group-values.ts";

interface Rule {
  readonly name: string;
  readonly counting: string;
  readonly bucketMs: number;
  readonly condition: EventCondition;
  readonly groupOf: GroupReader;
}

interface OpenGroup extends GroupCounts {
  readonly bucketOf: Map<number, number>;
  firstMs: number;
  lastMs: number;
}

/** What a batch brought for one rule. */
export interface Counted {
  readonly rule: string;
  readonly events: number;
  /** Events for which the rule's expression had no answer. */
  readonly errors: number;
  /** What the last error was about. */
  readonly lastError: string;
}

export interface EncodedBatch {
  /** Only of rules that any event matched. */
  readonly rules: readonly RuleCounts[];
  readonly counted: readonly Counted[];
}

/** Evaluates the rules of a sink over events. It keeps nothing from one batch to the next. */
export class RuleCounter {
  readonly #rules: readonly Rule[];

  /** Throws `filter_invalid` when a `when` cannot be used. */
  constructor(rules: readonly EventRuleConfig[], sinkFilter: string | undefined) {
    this.#rules = rules.map((rule) => ({
      name: rule.name,
      counting: countingOf(rule, sinkFilter),
      bucketMs: bucketMsOf(rule.withinMs),
      condition: new EventCondition(rule.when),
      groupOf: groupReader(rule.groupBy),
    }));
  }

  encode(batch: Batch): EncodedBatch {
    const reads = batch.map((event) => new ReadEvent(event));
    const rules: RuleCounts[] = [];
    const counted = this.#rules.map((rule): Counted => {
      const groups = new Map<string, OpenGroup>();
      let events = 0;
      let errors = 0;
      for (const read of reads) {
        const verdict = rule.condition.test(read);
        if (verdict === "error") errors++;
        if (verdict !== "true") continue;
        events++;
        count(groups, rule, read);
      }
      if (events > 0)
        rules.push({ rule: rule.name, counting: rule.counting, groups: [...groups.values()].map(closed) });
      return { rule: rule.name, events, errors, lastError: errors === 0 ? "" : rule.condition.lastError };
    });
    return { rules, counted };
  }
}

function count(groups: Map<string, OpenGroup>, rule: Rule, read: ReadEvent): void {
  const { id, receivedMs } = read.event;
  const values = rule.groupOf(read);
  const key = JSON.stringify(values);
  let group = groups.get(key);
  if (group === undefined) {
    group = { values, buckets: [], bucketOf: new Map(), firstMs: receivedMs, lastMs: receivedMs, sampleId: id };
    groups.set(key, group);
  }
  const bucket = Math.floor(receivedMs / rule.bucketMs);
  group.bucketOf.set(bucket, (group.bucketOf.get(bucket) ?? 0) + 1);
  group.firstMs = Math.min(group.firstMs, receivedMs);
  group.lastMs = Math.max(group.lastMs, receivedMs);
}

function closed({ values, bucketOf, firstMs, lastMs, sampleId }: OpenGroup): GroupCounts {
  return { values, buckets: [...bucketOf], firstMs, lastMs, sampleId };
}
