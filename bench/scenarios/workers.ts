import { Collector } from "../collector.ts";
import { alternate } from "../measure.ts";
import { summarise } from "../measurement.ts";
import type { Scenario } from "../scenario.ts";

/**
 * Two workers beside one. On a machine with two cores the load generator and the Kinesis
 * stand-in need a good part of both, so what two workers answer in a second says little about
 * two workers with a core each. What does is CPU: an event that costs as much with two
 * workers as with one means twice the events on twice the cores, and whatever the workers
 * take from each other (locks, caches, the kernel's queues) makes it dearer.
 */
export const workers: Scenario = {
  name: "workers",
  what: "two workers, beside one",
  async run(context) {
    await using opened = new AsyncDisposableStack();
    const shape = { eventsPerRequest: 1, body: "json" } as const;
    const [one, two] = [
      opened.use(await Collector.start({ name: "1 worker", main: context.main, workers: 1 })),
      opened.use(await Collector.start({ name: "2 workers", main: context.main, workers: 2 })),
    ];
    const all = await alternate(
      [one, two].map((target) => ({ name: target.name, target, shape })),
      context.rounds,
      context.length,
      context.progress,
    );
    const measurements = summarise("workers", all);
    const [alone, both] = measurements.map(({ median }) => median);
    const [bestAlone = Number.NaN, bestBoth = Number.NaN] = measurements.map(
      ({ minCpuMicrosPerEvent }) => minCpuMicrosPerEvent,
    );
    const [cpuAlone = Number.NaN, cpuBoth = Number.NaN] = [alone?.cpuMicrosPerEvent, both?.cpuMicrosPerEvent];
    return {
      measurements,
      findings: [
        {
          scenario: "workers",
          name: "events in a CPU second of each of two cores, in those of one",
          value: (2 * cpuAlone) / cpuBoth,
          unit: "×",
          isRatio: true,
          best: (2 * bestAlone) / bestBoth,
          goal: { kind: "at least", value: 1.8 },
          note: `from ${cpuAlone.toFixed(1)} and ${cpuBoth.toFixed(1)} µs an event`,
        },
        {
          scenario: "workers",
          name: "events/s as they were answered here",
          value: (both?.eventsPerSecond ?? Number.NaN) / (alone?.eventsPerSecond ?? Number.NaN),
          unit: "×",
          note: `beside the generator, which took ${percent(both?.generatorCpuShare)} of a core, and the stand-in`,
        },
      ],
    };
  },
};

function percent(share = Number.NaN): string {
  return `${(share * 100).toFixed(0)} %`;
}
