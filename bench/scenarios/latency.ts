import { Collector } from "../collector.ts";
import type { Finding } from "../finding.ts";
import { alternate, measure, type Subject, warmUp } from "../measure.ts";
import { summarise } from "../measurement.ts";
import type { Scenario, ScenarioContext, ScenarioResult } from "../scenario.ts";

const SHAPE = { eventsPerRequest: 1, body: "json" } as const;
const LOOP_DELAY_MS = 10;
const OUTAGE_RSS_MB = 150;

export const latency: Scenario = {
  name: "latency",
  what: "at half of the maximum rate, all sinks well",
  run: (context) => atHalf("latency", { sinks: 1, isOneDead: false, p99Ms: 5 }, context),
};

export const sinkDead: Scenario = {
  name: "sink-dead",
  what: "at half of the maximum rate, one of two sinks dead",
  run: (context) => atHalf("sink-dead", { sinks: 2, isOneDead: true, p99Ms: 10 }, context),
};

/** Half of what the same collector answers when it is asked for as much as it can. */
async function atHalf(
  scenario: string,
  { sinks, isOneDead, p99Ms }: { readonly sinks: number; readonly isOneDead: boolean; readonly p99Ms: number },
  context: ScenarioContext,
): Promise<ScenarioResult> {
  await using target = await Collector.start({ name: "Millrace", main: context.main, sinks });
  const most: Subject = { name: "at the maximum rate", target, shape: SHAPE };
  context.progress("finding the maximum rate");
  await warmUp(most, context.length);
  const maximum = (await measure(most, context.length)).eventsPerSecond;
  const dead = isOneDead ? target.kinesis[1] : undefined;
  await dead?.down();
  const half: Subject = {
    ...most,
    name: isOneDead ? "at half of it, one of two sinks dead" : "at half of it",
    requestsPerSecond: maximum / 2,
    settled: () => (dead === undefined ? target.settled() : target.settledBut("stream-1")),
  };
  await target.loopDelayP99Ms();
  const all = await alternate([half], context.rounds, context.length, context.progress);
  const loopDelayMs = await target.loopDelayP99Ms();
  const measurements = summarise(scenario, all);
  const figures = measurements[0]?.median;
  const findings: Finding[] = [
    { scenario, name: "maximum rate", value: maximum, unit: "events/s" },
    {
      scenario,
      name: "p99 at half of the maximum rate",
      value: figures?.p99Ms ?? Number.NaN,
      unit: "ms",
      goal: { kind: "at most", value: p99Ms },
      note: "from the intended time, so with up to 1 ms of the generator's timer",
    },
    {
      scenario,
      name: "event-loop delay, p99",
      value: loopDelayMs,
      unit: "ms",
      goal: { kind: "at most", value: LOOP_DELAY_MS },
    },
  ];
  if (isOneDead) {
    findings.push({
      scenario,
      name: "peak RSS of the worker",
      value: (figures?.workerRssBytes ?? Number.NaN) / 1e6,
      unit: "MB",
      goal: { kind: "at most", value: OUTAGE_RSS_MB },
    });
  }
  return { measurements, findings };
}
