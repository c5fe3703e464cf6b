import { Counter, Gauge, type Registry } from "prom-client";
import type { RuleFigures } from "./alerts.ts";
import type { OutletFigures } from "./outlet.ts";

interface SinkFigures {
  readonly sink: string;
  readonly rules: readonly RuleFigures[];
  readonly channels: readonly OutletFigures[];
}

type Series = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** Shows rules and channels, read at each scrape. Groups are no labels: their values come from events. */
export function registerAlertMetrics(registry: Registry, figures: () => readonly SinkFigures[]): void {
  const rules = (read: (rule: RuleFigures) => number) => (): Series =>
    figures().flatMap((sink) => sink.rules.map((rule) => [{ sink: sink.sink, rule: rule.rule }, read(rule)] as const));
  const channels = (read: (channel: OutletFigures) => number) => (): Series =>
    figures().flatMap(({ sink, channels: all }) =>
      all.map((figuresOf) => [{ sink, channel: figuresOf.channel }, read(figuresOf)] as const),
    );
  const gauge = (name: string, help: string, labelNames: string[], series: () => Series) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of series()) this.set(labels, value);
      },
    });
  const counter = (name: string, help: string, labelNames: string[], series: () => Series) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [labels, value] of series()) this.inc(labels, value);
      },
    });
  const ofRule = ["sink", "rule"];
  const ofChannel = ["sink", "channel"];
  gauge(
    "millrace_alert_firing",
    "Groups of a rule for which its alert fires.",
    ofRule,
    rules(({ firing }) => firing),
  );
  gauge(
    "millrace_alert_groups",
    "Groups of a rule that are counted apart.",
    ofRule,
    rules(({ groups }) => groups),
  );
  counter(
    "millrace_alert_late_events_total",
    "Events that were received before the window of their rule began and did not count.",
    ofRule,
    rules(({ lateEvents }) => lateEvents),
  );
  counter(
    "millrace_alert_other_events_total",
    "Events that were counted together, since their rule had maxGroups groups.",
    ofRule,
    rules(({ otherEvents }) => otherEvents),
  );
  counter(
    "millrace_notify_sent_total",
    "Alerts that a channel has taken: how they begin, go on and end.",
    ofChannel,
    channels(({ sent }) => sent),
  );
  counter(
    "millrace_notify_failures_total",
    "Attempts to tell alerts that failed.",
    ofChannel,
    channels(({ failures }) => failures),
  );
  gauge(
    "millrace_notify_waiting",
    "Alerts that wait to be told.",
    ofChannel,
    channels(({ waiting }) => waiting),
  );
  counter(
    "millrace_notify_dropped_total",
    "Alerts that were not told to a channel, by reason: queue_full, too_old, refused, too_many or shutdown.",
    [...ofChannel, "reason"],
    () =>
      figures().flatMap(({ sink, channels: all }) =>
        all.flatMap(({ channel, dropped }) =>
          Object.entries(dropped).map(([reason, notices]) => [{ sink, channel, reason }, notices] as const),
        ),
      ),
  );
}
