import { formatDuration } from "../core/format-duration.ts";
import { Alert } from "./alert.ts";
import { bucketMsOf, countingOf, type GroupCounts } from "./count-report.ts";
import type { EventRuleConfig } from "./rule-config.ts";
import { numberInWords, type Standing } from "./standing.ts";
import { WindowCounts } from "./window-counts.ts";

/** The value of all groups beyond `maxGroups`. */
export const OTHER_GROUPS = "(other groups)";

/**
 * Absence is judged as of so long ago: events on their way from a worker may be seen so late.
 * More than the lag at which it is still judged, with the time to hear of the lag.
 */
const ABSENCE_GRACE_MS = 10_000;

interface Group {
  readonly values: readonly string[];
  readonly window: WindowCounts;
  readonly alert: Alert;
  sample: Standing["sample"];
}

/**
 * A rule over events: what was counted for each of its groups, over all workers, within the window.
 *
 * Invariant: at most `maxGroups` groups are kept apart; events of further ones count for one more.
 * With `moreThan` no event counts that is older than `withinMs`; with `lessThan` every one does that is not.
 */
export class EventRule {
  readonly config: EventRuleConfig;
  readonly counting: string;
  /** Events that were received before the window began, and did not count. */
  lateEvents = 0;
  /** Events that counted for the group of all further groups. */
  otherEvents = 0;
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #groups = new Map<string, Group>();
  #watchedFromMs: number;

  /** @param sinkFilter the `when` of the sink, which decides as well what is counted */
  constructor(config: EventRuleConfig, sinkFilter: string | undefined, nowMs: number) {
    this.config = config;
    this.counting = countingOf(config, sinkFilter);
    this.#bucketMs = bucketMsOf(config.withinMs);
    this.#buckets =
      config.lessThan === undefined
        ? Math.floor(config.withinMs / this.#bucketMs)
        : Math.ceil((config.withinMs + ABSENCE_GRACE_MS) / this.#bucketMs) + 1;
    this.#watchedFromMs = nowMs;
    if (config.lessThan !== undefined) this.#groupOf([]);
  }

  get groups(): number {
    return this.#groups.size;
  }

  /** Absence is judged only after a whole window in which all was seen. */
  watchAnew(nowMs: number): void {
    this.#watchedFromMs = nowMs;
  }

  count(groups: readonly GroupCounts[], nowMs: number): void {
    const now = this.#bucketAt(nowMs);
    for (const { values, buckets, firstMs, lastMs, sampleId } of groups) {
      const group = this.#groupOf(values);
      const wasEmpty = group.window.total(now) === 0;
      let counted = 0;
      for (const [bucket, events] of buckets) {
        if (group.window.add(bucket, events, now)) counted += events;
        else this.lateEvents += events;
      }
      if (group.values[0] === OTHER_GROUPS) this.otherEvents += counted;
      if (counted === 0) continue;
      const before = wasEmpty ? undefined : group.sample;
      group.sample = {
        id: sampleId,
        firstMs: Math.min(before?.firstMs ?? firstMs, firstMs),
        lastMs: Math.max(before?.lastMs ?? lastMs, lastMs),
      };
    }
  }

  /** @param isCaughtUp whether all events up to some seconds ago have been counted */
  standings(nowMs: number, isCaughtUp: boolean): Standing[] {
    const { groupBy, lessThan, moreThan = 0 } = this.config;
    const now = this.#bucketAt(nowMs);
    const canTell = lessThan === undefined || (isCaughtUp && this.#hasWatchedLongEnough(nowMs));
    return [...this.#groups.values()].map(({ values, window, alert, sample }) => {
      const value = window.total(now);
      const holds = lessThan === undefined ? value > moreThan : value < lessThan;
      return {
        alert,
        group: groupBy.map((by, index) => ({ by, value: values[index] ?? "" })),
        holds: canTell ? holds : undefined,
        value,
        finding: () => this.#finding(value),
        ...(sample && value > 0 && { sample }),
      };
    });
  }

  /** Lets go of groups without events whose alert is over. */
  forgetIdle(nowMs: number): void {
    if (this.config.lessThan !== undefined) return;
    const now = this.#bucketAt(nowMs);
    for (const [key, { window, alert }] of this.#groups) {
      if (window.total(now) === 0 && alert.isIdle(this.config, nowMs)) this.#groups.delete(key);
    }
  }

  #finding(value: number): string {
    const { moreThan, lessThan, withinMs } = this.config;
    const than =
      lessThan === undefined ? `more than ${numberInWords(moreThan ?? 0)}` : `less than ${numberInWords(lessThan)}`;
    return `${numberInWords(value)} ${value === 1 ? "event" : "events"} within ${formatDuration(withinMs)} (alert: ${than})`;
  }

  #hasWatchedLongEnough(nowMs: number): boolean {
    return nowMs - this.#watchedFromMs >= this.config.withinMs + ABSENCE_GRACE_MS;
  }

  #bucketAt(ms: number): number {
    return Math.floor(ms / this.#bucketMs);
  }

  #groupOf(values: readonly string[]): Group {
    const key = JSON.stringify(values);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const { groupBy, maxGroups } = this.config;
    if (this.#groups.size < maxGroups) return this.#addGroup(key, values);
    const others = groupBy.map(() => OTHER_GROUPS);
    const otherKey = JSON.stringify(others);
    return this.#groups.get(otherKey) ?? this.#addGroup(otherKey, others);
  }

  #addGroup(key: string, values: readonly string[]): Group {
    const group: Group = { values, window: new WindowCounts(this.#buckets), alert: new Alert(), sample: undefined };
    this.#groups.set(key, group);
    return group;
  }
}
