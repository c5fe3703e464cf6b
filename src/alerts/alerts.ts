import { isDeepStrictEqual } from "node:util";
import type { ChannelConfig } from "./channel-config.ts";
import { CollectorRule } from "./collector-rule.ts";
import type { CountAnswer, CountReport } from "./count-report.ts";
import { EventRule } from "./event-rule.ts";
import type { NodeFigures } from "./node-figures.ts";
import { linkOf, type Notice } from "./notice.ts";
import type { CollectorRuleConfig, EventRuleConfig } from "./rule-config.ts";
import type { Standing } from "./standing.ts";

/** What a sink of type `notify` has in the configuration, as far as alerts are judged and told by it. */
export interface AlertSettings {
  readonly name: string;
  readonly when?: string | undefined;
  readonly rules: readonly EventRuleConfig[];
  readonly collector: readonly CollectorRuleConfig[];
  readonly channels: readonly ChannelConfig[];
}

/** What is to be told, and to which channels; `undefined`: to all. */
export interface Addressed {
  readonly notice: Notice;
  readonly channels: readonly string[] | undefined;
}

/** How a rule is doing, for metrics. */
export interface RuleFigures {
  readonly rule: string;
  readonly firing: number;
  readonly groups: number;
  readonly lateEvents: number;
  readonly otherEvents: number;
}

/** How far the sink may be behind for absence to be judged. */
const CAUGHT_UP_MS = 5_000;

/** Figures older than this say nothing of now. */
const FRESH_MS = 10_000;

/** After a longer time without a judgement the process stood still, or the clock was set: absence is watched for anew. */
const STALL_MS = 10_000;

/**
 * The rules of one sink, judged over all workers of the node. It reads no clock and sends
 * nothing: it is told counts, figures and the time, and says what is to be told.
 */
export class Alerts {
  #settings: AlertSettings;
  readonly #node: string;
  #rules: readonly (EventRule | CollectorRule)[] = [];
  /** When it was last heard that all events up to shortly before had been counted. */
  #caughtUpMs = Number.NEGATIVE_INFINITY;
  #judgedMs: number;

  constructor(settings: AlertSettings, node: string, nowMs: number) {
    this.#settings = settings;
    this.#node = node;
    this.#judgedMs = nowMs;
    this.apply(settings, nowMs);
  }

  /** Puts new rules into force. Those that are as before keep their counts and their alerts. */
  apply(settings: AlertSettings, nowMs: number): void {
    const isSameFilter = settings.when === this.#settings.when;
    const before = this.#rules;
    const kept = <Rule extends EventRule | CollectorRule>(config: Rule["config"], make: () => Rule): Rule => {
      const same = before.find((rule): rule is Rule => isDeepStrictEqual(rule.config, config));
      return same !== undefined && (isSameFilter || same instanceof CollectorRule) ? same : make();
    };
    this.#rules = [
      ...settings.rules.map((config) => kept<EventRule>(config, () => new EventRule(config, settings.when, nowMs))),
      ...settings.collector.map((config) => kept<CollectorRule>(config, () => new CollectorRule(config))),
    ];
    this.#settings = settings;
  }

  get name(): string {
    return this.#settings.name;
  }

  /** Whether there is a rule for which `observe` is needed. */
  get needsFigures(): boolean {
    return this.#settings.collector.length > 0 || this.#settings.rules.some(({ lessThan }) => lessThan !== undefined);
  }

  count(report: CountReport, nowMs: number): CountAnswer {
    if (nowMs >= report.expiresMs) return "late";
    for (const { rule: name, counting, groups } of report.rules) {
      // A rule that was changed meanwhile counts other events.
      const rule = this.#rules.find((each) => each.config.name === name);
      if (rule instanceof EventRule && rule.counting === counting) rule.count(groups, nowMs);
    }
    return "counted";
  }

  observe(figures: NodeFigures, nowMs: number): void {
    const own = figures.sinks.find(({ sink }) => sink === this.#settings.name);
    if (figures.isComplete && own !== undefined && own.lagMs <= CAUGHT_UP_MS) this.#caughtUpMs = nowMs;
    for (const rule of this.#rules) if (rule instanceof CollectorRule) rule.observe(figures, nowMs);
  }

  /** To be called about every second. */
  judge(nowMs: number): Addressed[] {
    const hasStalled = nowMs - this.#judgedMs > STALL_MS;
    this.#judgedMs = nowMs;
    const told: Addressed[] = [];
    for (const rule of this.#rules) {
      if (hasStalled && rule instanceof EventRule) rule.watchAnew(nowMs);
      for (const standing of this.#standings(rule, nowMs)) {
        if (standing.holds === undefined) continue;
        const telling = standing.alert.judge(standing.holds, rule.config, nowMs);
        if (telling !== undefined) told.push(this.#addressed(rule, standing, nowMs, telling));
      }
      if (rule instanceof EventRule) rule.forgetIdle(nowMs);
    }
    return told;
  }

  /** Every alert that fires, told or not. */
  firing(nowMs: number): Addressed[] {
    return this.#rules.flatMap((rule) =>
      this.#standings(rule, nowMs).flatMap((standing) => {
        const startedMs = standing.alert.firingSinceMs;
        if (startedMs === undefined) return [];
        return [this.#addressed(rule, standing, nowMs, { kind: "firing", startedMs, suppressed: 0 })];
      }),
    );
  }

  figures(nowMs: number): RuleFigures[] {
    return this.#rules.map((rule) => ({
      rule: rule.config.name,
      firing: this.#standings(rule, nowMs).filter(({ alert }) => alert.firingSinceMs !== undefined).length,
      groups: rule.groups,
      lateEvents: rule instanceof EventRule ? rule.lateEvents : 0,
      otherEvents: rule instanceof EventRule ? rule.otherEvents : 0,
    }));
  }

  #standings(rule: EventRule | CollectorRule, nowMs: number): Standing[] {
    return rule instanceof EventRule ? rule.standings(nowMs, nowMs - this.#caughtUpMs <= FRESH_MS) : rule.standings();
  }

  #addressed(
    { config }: EventRule | CollectorRule,
    { group, finding, value, sample }: Standing,
    nowMs: number,
    telling: Pick<Notice, "kind" | "startedMs" | "suppressed">,
  ): Addressed {
    const notice: Notice = {
      ...telling,
      sink: this.#settings.name,
      rule: config.name,
      severity: config.severity,
      labels: config.labels,
      group,
      finding: finding(),
      value,
      description: config.description,
      link: linkOf(config, this.#node, group),
      node: this.#node,
      atMs: nowMs,
      ...(sample && { sample }),
    };
    return { notice, channels: config.channels };
  }
}
