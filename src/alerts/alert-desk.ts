import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { quotable } from "../outbound/quotable.ts";
import { AlertmanagerFeed } from "./alertmanager-feed.ts";
import { type Addressed, Alerts, type AlertSettings, type RuleFigures } from "./alerts.ts";
import type { ChannelConfig } from "./channel-config.ts";
import type { CountAnswer, CountReport } from "./count-report.ts";
import { createMessenger } from "./create-messenger.ts";
import type { NodeFigures } from "./node-figures.ts";
import type { Notice } from "./notice.ts";
import { Outbox } from "./outbox.ts";
import type { Outlet, OutletFigures } from "./outlet.ts";

export interface DeskContext {
  readonly node: string;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Logger;
}

export interface DeskFigures {
  readonly sink: string;
  readonly rules: readonly RuleFigures[];
  readonly channels: readonly OutletFigures[];
}

/** Alerts of one moment that get a line of the log each: a rule may have thousands of groups. */
const MAX_LOGGED = 20;

interface OpenChannel {
  readonly config: ChannelConfig;
  readonly outlet: Outlet;
}

/** The rules of one sink of type `notify` with the channels that are told: what is judged goes out. */
export class AlertDesk {
  readonly #context: DeskContext;
  readonly #alerts: Alerts;
  #channels: OpenChannel[];
  /** Channels of an earlier configuration, with what they still have to send. */
  readonly #closing = new Set<Promise<void>>();

  constructor(settings: AlertSettings, context: DeskContext) {
    this.#context = context;
    this.#alerts = new Alerts(settings, context.node, context.clock.nowMs());
    this.#channels = settings.channels.map((config) => this.#open(config));
  }

  /** Rules and channels that are as before go on as they were; a channel that is gone gets `closeMs` to send what waits. */
  apply(settings: AlertSettings, closeMs: number): void {
    this.#alerts.apply(settings, this.#context.clock.nowMs());
    const before = this.#channels;
    const same = (config: ChannelConfig) => before.find((open) => isDeepStrictEqual(open.config, config));
    this.#channels = settings.channels.map((config) => same(config) ?? this.#open(config));
    for (const { outlet } of before.filter((open) => !this.#channels.includes(open))) {
      const closing = outlet.close(closeMs).finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    }
  }

  get needsFigures(): boolean {
    return this.#alerts.needsFigures;
  }

  count(report: CountReport): CountAnswer {
    return this.#alerts.count(report, this.#context.clock.nowMs());
  }

  observe(figures: NodeFigures): void {
    this.#alerts.observe(figures, this.#context.clock.nowMs());
  }

  /** Judges and tells. To be called about every second. */
  tick(): void {
    const nowMs = this.#context.clock.nowMs();
    const told = this.#alerts.judge(nowMs);
    for (const { notice } of told.slice(0, MAX_LOGGED)) this.#log(notice);
    const more = told.length - MAX_LOGGED;
    if (more > 0) this.#context.log.info({ sink: this.#alerts.name, alerts: more }, "further alerts at the same time");
    const firing = this.#alerts.firing(nowMs);
    for (const { config, outlet } of this.#channels) {
      outlet.tell(noticesFor(config.name, told));
      outlet.show(noticesFor(config.name, firing));
    }
  }

  /** All that fires now. */
  firing(): Notice[] {
    return this.#alerts.firing(this.#context.clock.nowMs()).map(({ notice }) => notice);
  }

  figures(): DeskFigures {
    return {
      sink: this.#alerts.name,
      rules: this.#alerts.figures(this.#context.clock.nowMs()),
      channels: this.#channels.map(({ outlet }) => outlet.figures()),
    };
  }

  /** Tells what is to be told, and has stopped after `atMostMs`. */
  async close(atMostMs: number): Promise<void> {
    this.tick();
    await Promise.all([...this.#channels.map(({ outlet }) => outlet.close(atMostMs)), ...this.#closing]);
  }

  #open(config: ChannelConfig): OpenChannel {
    if (config.type === "alertmanager") return { config, outlet: new AlertmanagerFeed(config, this.#context) };
    const { name: channel, minGapMs, maxAgeMs } = config;
    const messenger = createMessenger(config, this.#context.clock);
    return { config, outlet: new Outbox({ ...this.#context, channel, minGapMs, maxAgeMs, messenger }) };
  }

  #log({ kind, rule, sink, group, finding }: Notice): void {
    const values = Object.fromEntries(group.map(({ by, value }) => [by, quotable(value)]));
    this.#context.log.info({ sink, rule, group: values, finding }, `alert: ${kind}`);
  }
}

function noticesFor(channel: string, addressed: readonly Addressed[]): Notice[] {
  return addressed.flatMap(({ notice, channels }) =>
    channels === undefined || channels.includes(channel) ? [notice] : [],
  );
}
