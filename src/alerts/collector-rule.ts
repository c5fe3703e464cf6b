import { formatDuration } from "../core/format-duration.ts";
import { Alert } from "./alert.ts";
import { bucketMsOf } from "./count-report.ts";
import type { NodeFigures } from "./node-figures.ts";
import type { GroupValue } from "./notice.ts";
import type { CollectorRuleConfig } from "./rule-config.ts";
import { numberInWords, partInWords, type Standing } from "./standing.ts";
import { WindowCounts } from "./window-counts.ts";

const DEFAULT_WITHIN_MS = 300_000;
const DEFAULT_MIN_EVENTS = 100;

/** What was observed of one source, sink or, where there are no groups, of the node. */
interface Observed {
  readonly group: readonly GroupValue[];
  readonly value: number;
  readonly finding: () => string;
}

interface Watched extends Observed {
  readonly alert: Alert;
  holds: boolean;
}

/** A rule on the collector itself, over the figures of the node. */
export class CollectorRule {
  readonly config: CollectorRuleConfig;
  readonly #withinMs: number;
  readonly #increases = new Map<string, Increase>();
  readonly #watched = new Map<string, Watched>();

  constructor(config: CollectorRuleConfig) {
    this.config = config;
    this.#withinMs = config.withinMs ?? DEFAULT_WITHIN_MS;
  }

  get groups(): number {
    return this.#watched.size;
  }

  observe(figures: NodeFigures, nowMs: number): void {
    const seen = new Set<string>();
    for (const found of this.#observed(figures, nowMs)) {
      const key = JSON.stringify(found.group);
      seen.add(key);
      const before = this.#watched.get(key);
      // What a worker that does not answer would add is not known: that all is well again is not said without it.
      const holds = found.value > this.config.above || (before?.holds === true && !figures.isComplete);
      this.#watched.set(key, { ...found, alert: before?.alert ?? new Alert(), holds });
    }
    // A sink that is no longer configured fails no more.
    for (const [key, watched] of this.#watched) if (!seen.has(key)) watched.holds = false;
  }

  standings(): Standing[] {
    return [...this.#watched.values()];
  }

  #observed(figures: NodeFigures, nowMs: number): Observed[] {
    const { watch, above, sinks: wanted } = this.config;
    const sinks = figures.sinks.filter(({ sink }) => wanted === undefined || wanted.includes(sink));
    const within = formatDuration(this.#withinMs);
    switch (watch) {
      case "invalidRatio":
        return figures.sources.map((totals) => this.#invalidRatio(totals, nowMs));
      case "deadLetters":
        return sinks.map(({ sink, deadLetters }) => {
          const value = this.#increase(`sink ${sink}`, deadLetters, nowMs);
          return observed(
            { sink },
            value,
            `${numberInWords(value)} dead letters within ${within}`,
            numberInWords(above),
          );
        });
      case "workerRestarts": {
        const value = this.#increase("workers", figures.workerRestarts, nowMs);
        return [observed({}, value, `${numberInWords(value)} workers replaced within ${within}`, numberInWords(above))];
      }
      case "sinkLagMs":
        return sinks.map(({ sink, lagMs }) => observed({ sink }, lagMs, `${seconds(lagMs)} behind`, seconds(above)));
      case "sinkLagEvents":
        return sinks.map(({ sink, lagEvents }) =>
          observed({ sink }, lagEvents, `${numberInWords(lagEvents)} events behind`, numberInWords(above)),
        );
      case "sinkFailingMs":
        return sinks.map(({ sink, failingMs }) =>
          observed({ sink }, failingMs, `has taken nothing for ${seconds(failingMs)}`, seconds(above)),
        );
      case "journalFraction": {
        const value = figures.journalFraction;
        return [observed({}, value, `the journal is ${partInWords(value)} full`, partInWords(above))];
      }
    }
  }

  #invalidRatio({ source, sent, invalid }: NodeFigures["sources"][number], nowMs: number): Observed {
    const { above, minEvents = DEFAULT_MIN_EVENTS } = this.config;
    const all = this.#increase(`sent ${source}`, sent, nowMs);
    const bad = this.#increase(`invalid ${source}`, invalid, nowMs);
    const value = all < minEvents || all === 0 ? 0 : bad / all;
    const finding = `${numberInWords(bad)} of ${numberInWords(all)} events within ${formatDuration(this.#withinMs)} were invalid, ${partInWords(all === 0 ? 0 : bad / all)}`;
    return observed({ source }, value, finding, partInWords(above));
  }

  #increase(name: string, total: number, nowMs: number): number {
    let increase = this.#increases.get(name);
    if (increase === undefined) this.#increases.set(name, (increase = new Increase(this.#withinMs)));
    return increase.observe(total, nowMs);
  }
}

/** How much a total has gone up within a window. */
class Increase {
  readonly #bucketMs: number;
  readonly #window: WindowCounts;
  #last: number | undefined;

  constructor(withinMs: number) {
    this.#bucketMs = bucketMsOf(withinMs);
    this.#window = new WindowCounts(Math.floor(withinMs / this.#bucketMs));
  }

  observe(total: number, nowMs: number): number {
    const bucket = Math.floor(nowMs / this.#bucketMs);
    // A total goes down when what it was of is gone, such as the slot of a worker.
    this.#window.add(bucket, Math.max(0, total - (this.#last ?? total)), bucket);
    this.#last = total;
    return this.#window.total(bucket);
  }
}

function observed(of: Readonly<Record<string, string>>, value: number, finding: string, above: string): Observed {
  const group = Object.entries(of).map(([by, name]) => ({ by, value: name }));
  return { group, value, finding: () => `${finding} (alert: above ${above})` };
}

function seconds(ms: number): string {
  return `${numberInWords(ms / 1_000)} s`;
}
