import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Alerts, type AlertSettings } from "./alerts.ts";
import { bucketMsOf, countingOf, type CountReport } from "./count-report.ts";
import { OTHER_GROUPS } from "./event-rule.ts";
import type { NodeFigures } from "./node-figures.ts";
import { collectorRule, eventRule } from "./rule-config.ts";

const START_MS = 1_795_000_000_000;
const FAST = { resolveAfterMs: 0, minGapMs: 0, repeatEveryMs: 0 };

function settingsOf(rules: object[], collector: object[] = []): AlertSettings {
  return {
    name: "alerts",
    rules: rules.map((rule) => eventRule.parse({ ...FAST, when: "true", ...rule })),
    collector: collector.map((rule) => collectorRule.parse({ ...FAST, ...rule })),
    channels: [],
  };
}

/** What a worker would report of events of one group, given by when they were received. */
function report({ rules }: AlertSettings, receivedMs: readonly number[], values: string[] = []): CountReport {
  return {
    sink: "alerts",
    expiresMs: Number.POSITIVE_INFINITY,
    rules: rules.map((rule) => ({
      rule: rule.name,
      counting: countingOf(rule, undefined),
      groups: [
        {
          values,
          buckets: receivedMs.map((ms) => [Math.floor(ms / bucketMsOf(rule.withinMs)), 1] as const),
          firstMs: Math.min(...receivedMs),
          lastMs: Math.max(...receivedMs),
          sampleId: "e1",
        },
      ],
    })),
  };
}

const times = (count: number, ms: number) => Array.from({ length: count }, () => ms);

const figures = (change: Partial<NodeFigures> = {}): NodeFigures => ({
  isComplete: true,
  sources: [{ source: "web", sent: 0, invalid: 0 }],
  sinks: [
    { sink: "stream", deadLetters: 0, lagMs: 0, lagEvents: 0, failingMs: 0 },
    { sink: "alerts", deadLetters: 0, lagMs: 0, lagEvents: 0, failingMs: 0 },
  ],
  journalFraction: 0,
  workerRestarts: 0,
  ...change,
});

const told = (alerts: Alerts, nowMs: number) =>
  alerts
    .judge(nowMs)
    .map(({ notice }) => [notice.kind, notice.rule, ...notice.group.map(({ value }) => value)].join(" "));

test("an alert fires when its workers together have seen more than moreThan, and only for that group", () => {
  const settings = settingsOf([{ name: "js", groupBy: ["/data/release"], moreThan: 50, withinMs: 60_000 }]);
  const alerts = new Alerts(settings, "node-a", START_MS);
  alerts.count(report(settings, times(25, START_MS), ["A"]), START_MS);
  alerts.count(report(settings, times(25, START_MS), ["A"]), START_MS);
  alerts.count(report(settings, times(50, START_MS), ["B"]), START_MS);
  expect(told(alerts, START_MS)).toEqual([]);
  alerts.count(report(settings, times(1, START_MS + 500), ["A"]), START_MS + 900);
  const [first] = alerts.judge(START_MS + 1_000);
  expect(first?.notice).toMatchObject({
    kind: "firing",
    group: [{ by: "/data/release", value: "A" }],
    value: 51,
    finding: "51 events within 1 min (alert: more than 50)",
    node: "node-a",
    sample: { id: "e1", firstMs: START_MS, lastMs: START_MS + 500 },
  });
  expect(told(alerts, START_MS + 2_000)).toEqual([]);
  expect(told(alerts, START_MS + 60_000)).toEqual(["resolved js A"]);
  expect(alerts.figures(START_MS + 61_000)).toMatchObject([{ firing: 0, groups: 0 }]);
});

test("never more is counted than was received within withinMs, and all that was within a sixtieth less", () => {
  const event = fc.record({ ageMs: fc.nat(12_000), worker: fc.nat(2), passes: fc.nat(3_000) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.integer({ min: 1_000, max: 10_000 }), (events, withinMs) => {
      const settings = settingsOf([{ name: "all", moreThan: 0, withinMs }]);
      const alerts = new Alerts(settings, "node-a", START_MS);
      const waiting: number[][] = [[], [], []];
      const counted: number[] = [];
      let nowMs = START_MS;
      for (const { ageMs, worker, passes } of events) {
        waiting[worker]?.push(nowMs - ageMs);
        nowMs += passes;
        // Workers report when they like, one batch at a time.
        const batch = waiting[worker]?.splice(0) ?? [];
        alerts.count(report(settings, batch), nowMs);
        counted.push(...batch);
        alerts.judge(nowMs);
        const value = alerts.firing(nowMs)[0]?.notice.value ?? 0;
        const within = (ms: number) => counted.filter((at) => nowMs - at < ms).length;
        expect(value).toBeLessThanOrEqual(within(withinMs));
        expect(value).toBeGreaterThanOrEqual(within(withinMs - 2 * bucketMsOf(withinMs)));
      }
    }),
  );
});

test("groups beyond maxGroups are counted together, and that is told", () => {
  const settings = settingsOf([{ name: "by-user", groupBy: ["/data/user"], moreThan: 3, maxGroups: 2 }]);
  const alerts = new Alerts(settings, "node-a", START_MS);
  for (const user of ["a", "b", "c", "d"]) alerts.count(report(settings, times(2, START_MS), [user]), START_MS);
  expect(told(alerts, START_MS)).toEqual([`firing by-user ${OTHER_GROUPS}`]);
  expect(alerts.figures(START_MS)).toMatchObject([{ groups: 3, otherEvents: 4, firing: 1 }]);
});

test("events older than the window do not count, and that is counted", () => {
  const settings = settingsOf([{ name: "all", moreThan: 1, withinMs: 60_000 }]);
  const alerts = new Alerts(settings, "node-a", START_MS);
  alerts.count(report(settings, times(5, START_MS - 60_001)), START_MS);
  expect(told(alerts, START_MS)).toEqual([]);
  expect(alerts.figures(START_MS)).toMatchObject([{ lateEvents: 5 }]);
});

test("a report for which nobody waits any more does not count: its events are sent again", () => {
  const settings = settingsOf([{ name: "all", moreThan: 0 }]);
  const alerts = new Alerts(settings, "node-a", START_MS);
  const late = { ...report(settings, times(5, START_MS)), expiresMs: START_MS + 10 };
  expect(alerts.count(late, START_MS + 10)).toBe("late");
  expect(told(alerts, START_MS + 10)).toEqual([]);
});

/** Judges every second for so long, being told that all is counted. */
function pass(alerts: Alerts, fromMs: number, ms: number, state = figures()): string[] {
  const all: string[] = [];
  for (let nowMs = fromMs; nowMs < fromMs + ms; nowMs += 1_000) {
    alerts.observe(state, nowMs);
    all.push(...told(alerts, nowMs));
  }
  return all;
}

test("absence is told after a whole window without events, not after a start, and is over with the first event", () => {
  const settings = settingsOf([{ name: "silence", lessThan: 1, withinMs: 60_000 }]);
  const alerts = new Alerts(settings, "node-a", START_MS);
  expect(pass(alerts, START_MS, 69_000)).toEqual([]);
  expect(pass(alerts, START_MS + 69_000, 3_000)).toEqual(["firing silence"]);
  alerts.count(report(settings, times(1, START_MS + 72_000)), START_MS + 72_000);
  expect(pass(alerts, START_MS + 72_000, 60_000)).toEqual(["resolved silence"]);
});

test.each([
  ["the sink lags", { sinks: [{ sink: "alerts", deadLetters: 0, lagMs: 30_000, lagEvents: 9, failingMs: 0 }] }],
  ["a worker does not answer", { isComplete: false }],
])("absence is not told while %s: the events may be there", (_why, change) => {
  const alerts = new Alerts(settingsOf([{ name: "silence", lessThan: 1, withinMs: 60_000 }]), "node-a", START_MS);
  expect(pass(alerts, START_MS, 200_000, figures(change))).toEqual([]);
  expect(pass(alerts, START_MS + 200_000, 2_000)).toEqual(["firing silence"]);
});

test("after the process stood still absence is watched for anew", () => {
  const alerts = new Alerts(settingsOf([{ name: "silence", lessThan: 1, withinMs: 60_000 }]), "node-a", START_MS);
  expect(pass(alerts, START_MS, 30_000)).toEqual([]);
  expect(pass(alerts, START_MS + 600_000, 60_000)).toEqual([]);
});

test("a rule that stays as it was keeps its counts in a reload; one that changed begins anew", () => {
  const same = { name: "same", moreThan: 1 };
  const before = settingsOf([same, { name: "other", moreThan: 1 }]);
  const alerts = new Alerts(before, "node-a", START_MS);
  alerts.count(report(before, times(2, START_MS)), START_MS);
  expect(told(alerts, START_MS)).toEqual(["firing same", "firing other"]);
  const after = settingsOf([same, { name: "other", moreThan: 0, withinMs: 60_000 }]);
  alerts.apply(after, START_MS + 1_000);
  // Workers that do not know yet count for the rule as it was.
  alerts.count(report(before, times(1, START_MS)), START_MS + 1_000);
  expect(told(alerts, START_MS + 1_000)).toEqual([]);
  expect(alerts.firing(START_MS + 1_000).map(({ notice }) => [notice.rule, notice.value])).toEqual([["same", 3]]);
});

const sink = (change: object) =>
  figures({
    sinks: [{ ...figures().sinks[0], sink: "stream", deadLetters: 0, lagMs: 0, lagEvents: 0, failingMs: 0, ...change }],
  });

test.each([
  [{ watch: "sinkLagMs", above: 60_000 }, sink({ lagMs: 75_000 }), "75 s behind (alert: above 60 s)"],
  [{ watch: "sinkLagEvents", above: 10 }, sink({ lagEvents: 11 }), "11 events behind (alert: above 10)"],
  [
    { watch: "sinkFailingMs", above: 30_000 },
    sink({ failingMs: 31_000 }),
    "has taken nothing for 31 s (alert: above 30 s)",
  ],
  [{ watch: "deadLetters", above: 0 }, sink({ deadLetters: 2 }), "2 dead letters within 5 min (alert: above 0)"],
  [
    { watch: "journalFraction", above: 0.8 },
    figures({ journalFraction: 0.9 }),
    "the journal is 90 % full (alert: above 80 %)",
  ],
  [
    { watch: "workerRestarts", above: 1 },
    figures({ workerRestarts: 2 }),
    "2 workers replaced within 5 min (alert: above 1)",
  ],
  [
    { watch: "invalidRatio", above: 0.05 },
    figures({ sources: [{ source: "web", sent: 200, invalid: 20 }] }),
    "20 of 200 events within 5 min were invalid, 10 % (alert: above 5 %)",
  ],
] as const)("%o is told", (rule, bad, finding) => {
  const alerts = new Alerts(settingsOf([], [{ name: "watch", ...rule }]), "node-a", START_MS);
  alerts.observe(figures(), START_MS);
  expect(alerts.judge(START_MS)).toEqual([]);
  alerts.observe(bad, START_MS + 1_000);
  expect(alerts.judge(START_MS + 1_000).map(({ notice }) => notice.finding)).toEqual([finding]);
  // Until all workers answer nobody knows that it is over.
  alerts.observe(figures({ isComplete: false }), START_MS + 2_000);
  expect(alerts.judge(START_MS + 2_000)).toEqual([]);
  alerts.observe(figures(), START_MS + 400_000);
  expect(told(alerts, START_MS + 400_000)[0]).toMatch(/^resolved watch/);
});

test("what was there before the start is no increase, and few events make no ratio", () => {
  const rules = [
    { name: "dead", watch: "deadLetters", above: 0 },
    { name: "invalid", watch: "invalidRatio", above: 0.05 },
  ];
  const alerts = new Alerts(settingsOf([], rules), "node-a", START_MS);
  const state = { ...sink({ deadLetters: 700 }), sources: [{ source: "web", sent: 1_000, invalid: 900 }] };
  alerts.observe(state, START_MS);
  alerts.observe({ ...state, sources: [{ source: "web", sent: 1_099, invalid: 999 }] }, START_MS + 1_000);
  expect(alerts.judge(START_MS + 1_000)).toEqual([]);
});
