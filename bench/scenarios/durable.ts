import { Collector } from "../collector.ts";
import { alternate } from "../measure.ts";
import { summarise } from "../measurement.ts";
import type { Scenario } from "../scenario.ts";

/** Throughput with `?ack=durable`, of the same collector at level `accepted`. */
export const durable: Scenario = {
  name: "durable",
  what: "durable acks at 64 connections, beside accepted",
  async run(context) {
    await using target = await Collector.start({ name: "Millrace", main: context.main });
    const shape = { eventsPerRequest: 1, body: "json" } as const;
    const all = await alternate(
      [
        { name: "ack accepted", target, shape },
        { name: "ack durable", target, shape, query: "?ack=durable" },
      ],
      context.rounds,
      context.length,
      context.progress,
    );
    const measurements = summarise("durable", all);
    const [accepted, synced] = measurements.map(({ median }) => median.eventsPerSecond);
    const [bestAccepted, bestSynced] = measurements.map(({ maxEventsPerSecond }) => maxEventsPerSecond);
    return {
      measurements,
      findings: [
        {
          scenario: "durable",
          name: "throughput of durable, in that of accepted",
          value: (synced ?? Number.NaN) / (accepted ?? Number.NaN),
          unit: "×",
          isRatio: true,
          best: (bestSynced ?? Number.NaN) / (bestAccepted ?? Number.NaN),
          goal: { kind: "at least", value: 0.7 },
        },
      ],
    };
  },
};
