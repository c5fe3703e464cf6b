import type { Logger } from "pino";
import type { AlertDesk, DeskFigures } from "../alerts/alert-desk.ts";
import type { CountAnswer, CountReport } from "../alerts/count-report.ts";
import type { Notice } from "../alerts/notice.ts";
import { type Clock, systemClock, type Timer } from "../core/clock.ts";
import type { MillraceConfig } from "./config.ts";
import { nodeFigures, type NodeState } from "./node-figures.ts";

const JUDGE_EVERY_MS = 1_000;

/** Workers are asked, which costs each some milliseconds with many sources and sinks. */
const WATCH_EVERY_MS = 2_000;

/** Longest time for messages that wait: at the end of the collector, and for a channel that is no longer configured. */
const CLOSE_MS = 3_000;

interface NodeAlertsOptions {
  readonly node: string;
  readonly log: Logger;
  /** How the node is doing, asking its workers. */
  readonly watch: () => Promise<NodeState>;
  readonly clock?: Clock;
}

/**
 * The alerts of a node, in its supervisor: what all workers counted comes together here, is
 * judged, and told. Of what it needs nothing is loaded unless there is a sink of type `notify`.
 */
export class NodeAlerts {
  readonly #options: NodeAlertsOptions;
  readonly #clock: Clock;
  readonly #desks = new Map<string, AlertDesk>();
  /** Ends when the configurations that were given are in force. */
  #applied: Promise<void> = Promise.resolve();
  /** Desks of sinks that are no longer configured, with what they still have to tell. */
  readonly #closing = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #isWatching = false;
  #watchedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: NodeAlertsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Puts the rules and channels of a configuration into force; what is as before goes on as it was. */
  apply(config: MillraceConfig): Promise<void> {
    const applied = this.#applied.then(() => this.#apply(config));
    // One that fails is told to who gave it, and keeps no later one out.
    this.#applied = applied.catch(() => {});
    return applied;
  }

  async count(report: CountReport): Promise<CountAnswer> {
    await this.#applied;
    return this.#desks.get(report.sink)?.count(report) ?? "unknown";
  }

  /** For the admin port: what fires, and how rules and channels are doing. */
  view(): { readonly firing: readonly Notice[]; readonly sinks: readonly DeskFigures[] } {
    return { firing: [...this.#desks.values()].flatMap((desk) => desk.firing()), sinks: this.figures() };
  }

  figures(): DeskFigures[] {
    return [...this.#desks.values()].map((desk) => desk.figures());
  }

  /** Tells what waits, within some seconds. Workers have ended: nothing more is counted. */
  async close(): Promise<void> {
    await this.#applied;
    this.#closed = true;
    this.#timer?.cancel();
    await Promise.all([...this.#closing, ...[...this.#desks.values()].map((desk) => desk.close(CLOSE_MS))]);
    this.#desks.clear();
  }

  async #apply({ sinks }: MillraceConfig): Promise<void> {
    if (this.#closed) return;
    const wanted = new Map(sinks.flatMap((sink) => (sink.type === "notify" ? [[sink.name, sink] as const] : [])));
    for (const [name, desk] of this.#desks) {
      if (wanted.has(name)) continue;
      this.#desks.delete(name);
      const closing = desk.close(CLOSE_MS).finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    }
    if (wanted.size === 0) return;
    const { AlertDesk: Desk } = await import("../alerts/alert-desk.ts");
    const { node, log } = this.#options;
    for (const [name, sink] of wanted) {
      const desk = this.#desks.get(name);
      if (desk === undefined)
        this.#desks.set(name, new Desk(sink, { node, clock: this.#clock, random: Math.random, log }));
      else desk.apply(sink, CLOSE_MS);
    }
    this.#timer ??= this.#clock.after(JUDGE_EVERY_MS, () => this.#judge());
  }

  #judge(): void {
    this.#timer =
      this.#closed || this.#desks.size === 0 ? undefined : this.#clock.after(JUDGE_EVERY_MS, () => this.#judge());
    for (const desk of this.#desks.values()) desk.tick();
    void this.#watch();
  }

  async #watch(): Promise<void> {
    const desks = [...this.#desks.values()].filter((desk) => desk.needsFigures);
    if (desks.length === 0 || this.#isWatching || this.#clock.monotonicMs() - this.#watchedMs < WATCH_EVERY_MS) return;
    this.#isWatching = true;
    this.#watchedMs = this.#clock.monotonicMs();
    try {
      const figures = nodeFigures(await this.#options.watch(), this.#clock.nowMs());
      for (const desk of desks) desk.observe(figures);
    } catch (error) {
      this.#options.log.error({ err: error }, "bug: the figures for rules on the collector could not be had");
    } finally {
      this.#isWatching = false;
    }
  }
}
