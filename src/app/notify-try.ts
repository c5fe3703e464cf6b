import { Alerts, type AlertSettings } from "../alerts/alerts.ts";
import type { Notice } from "../alerts/notice.ts";
import type { CollectedEvent } from "../core/event.ts";
import { MillraceError } from "../core/errors.ts";
import { EventCondition } from "../expressions/event-condition.ts";
import { ReadEvent } from "../expressions/read-event.ts";
import type { NotifyConfig } from "../sinks/notify/config.ts";
import { RuleCounter } from "../sinks/notify/encode.ts";
import type { MillraceConfig } from "./config.ts";

/** How often rules are judged, in the time of the events. */
const JUDGE_EVERY_MS = 1_000;

/** What became of past events. */
export interface TrySummary {
  readonly events: number;
  /** Lines that are no event with a type and a time. */
  readonly unreadable: number;
  /** Events that came after newer ones and were too old for a window by then. */
  readonly late: number;
  /** Events for which a rule had no answer, by rule. */
  readonly errors: Readonly<Record<string, number>>;
}

/**
 * The rules of a sink of type `notify` over past events, one a line, in the order in which they
 * were received: what would have been told when. Rules for absence and on the collector are left out.
 */
export class PastEvents {
  readonly #settings: AlertSettings;
  readonly #alerts: Alerts;
  readonly #counter: RuleCounter;
  readonly #filter: EventCondition | undefined;
  readonly #errors: Record<string, number> = {};
  #nowMs: number | undefined;
  #events = 0;
  #unreadable = 0;

  /** Throws `usage` when there is no such sink, or several and none is named. */
  constructor({ node, sinks }: MillraceConfig, name: string | undefined) {
    const sink = chosen(sinks, name);
    const rules = sink.rules.filter(({ lessThan }) => lessThan === undefined);
    this.#settings = { ...sink, rules, collector: [] };
    this.#alerts = new Alerts(this.#settings, node, 0);
    this.#counter = new RuleCounter(rules, sink.when);
    this.#filter = sink.when === undefined ? undefined : new EventCondition(sink.when);
  }

  /** Takes the next event, and says what would have been told up to then. */
  add(line: string): Notice[] {
    const event = eventOf(line);
    if (event === undefined) {
      this.#unreadable++;
      return [];
    }
    this.#events++;
    const told = this.#passTo(event.receivedMs);
    if (this.#filter !== undefined && this.#filter.test(new ReadEvent(event)) !== "true") return told;
    const { rules, counted } = this.#counter.encode([event]);
    for (const { rule, errors } of counted) if (errors > 0) this.#errors[rule] = (this.#errors[rule] ?? 0) + errors;
    const nowMs = Math.max(event.receivedMs, this.#nowMs ?? 0);
    this.#alerts.count({ sink: this.#settings.name, expiresMs: Number.POSITIVE_INFINITY, rules }, nowMs);
    return told;
  }

  /** What would have been told with the last event. */
  end(): Notice[] {
    return this.#nowMs === undefined ? [] : this.#judge(this.#nowMs);
  }

  get summary(): TrySummary {
    const figures = this.#alerts.figures(this.#nowMs ?? 0);
    const late = figures.reduce((total, { lateEvents }) => total + lateEvents, 0);
    return { events: this.#events, unreadable: this.#unreadable, late, errors: this.#errors };
  }

  #passTo(untilMs: number): Notice[] {
    const told: Notice[] = [];
    let nowMs = this.#nowMs ?? untilMs;
    while (nowMs + JUDGE_EVERY_MS <= untilMs) {
      nowMs += JUDGE_EVERY_MS;
      told.push(...this.#judge(nowMs));
      // Where nothing is counted and nothing fires, nothing happens until the next event.
      const isQuiet = this.#alerts.figures(nowMs).every(({ groups }) => groups === 0);
      if (isQuiet) nowMs = untilMs;
    }
    this.#nowMs = nowMs;
    return told;
  }

  #judge(nowMs: number): Notice[] {
    return this.#alerts.judge(nowMs).map(({ notice }) => notice);
  }
}

function chosen(sinks: MillraceConfig["sinks"], name: string | undefined): NotifyConfig {
  const notifiers = sinks.filter((sink): sink is NotifyConfig => sink.type === "notify");
  const [first, second] = name === undefined ? notifiers : notifiers.filter((sink) => sink.name === name);
  if (first === undefined) {
    const which = name === undefined ? "" : ` called ${name}`;
    throw new MillraceError("usage", `The configuration has no sink of type notify${which}.`);
  }
  if (second === undefined) return first;
  const names = notifiers.map((sink) => sink.name).join(", ");
  throw new MillraceError("usage", `There are several sinks of type notify; name one with --sink: ${names}.`);
}

/** An event as sinks store it: a CloudEvents object. */
function eventOf(line: string): CollectedEvent | undefined {
  const event = objectIn(line);
  if (typeof event?.type !== "string") return undefined;
  const receivedMs = Date.parse(text(event.receivedtime) || text(event.time));
  if (Number.isNaN(receivedMs)) return undefined;
  const [id, source] = [text(event.id), text(event.source)];
  return { position: 0, id, type: event.type, source, receivedMs, bytes: Buffer.from(line) };
}

function objectIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
