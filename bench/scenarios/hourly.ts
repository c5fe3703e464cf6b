import { Collector } from "../collector.ts";
import { alternate, warmUp } from "../measure.ts";
import { summarise } from "../measurement.ts";
import type { Scenario } from "../scenario.ts";

/** 12 million events an hour, one a request. */
const EVENTS_PER_SECOND = 12e6 / 3_600;

export const hourly: Scenario = {
  name: "hourly",
  what: "12 million events an hour, one a request",
  async run(context) {
    await using target = await Collector.start({ name: "Millrace", main: context.main });
    const shape = { eventsPerRequest: 1, body: "json" } as const;
    const subject = { name: "3,333 events/s", target, shape, requestsPerSecond: EVENTS_PER_SECOND };
    // At that rate V8 would take minutes to optimise what a collector has had hours for.
    await warmUp({ name: "warm-up", target, shape }, context.length);
    const all = await alternate([subject], context.rounds, context.length, context.progress);
    const measurements = summarise("hourly", all);
    const { cpuMicrosPerEvent = Number.NaN } = measurements[0]?.median ?? {};
    return {
      measurements,
      findings: [
        {
          scenario: "hourly",
          name: "CPU, of one core",
          value: (cpuMicrosPerEvent * EVENTS_PER_SECOND) / 1e4,
          unit: "%",
          note: "the original: 4.4 cores",
        },
      ],
    };
  },
};
