import { Collector } from "../collector.ts";
import { median } from "../measurement.ts";
import type { Scenario } from "../scenario.ts";

const START_MS = 500;

/** From the start of the process to its first 201, with the compile cache that an earlier start left. */
export const start: Scenario = {
  name: "start",
  what: "start to the first 201",
  async run({ main, rounds, progress }) {
    const timesMs: number[] = [];
    // The first start fills the compile cache and does not count.
    for (let round = 0; round <= rounds; round++) {
      progress(`start ${round} of ${rounds}`);
      await using collector = await Collector.start({ name: "Millrace", main });
      if (round > 0) timesMs.push(collector.startMs);
    }
    const [least, most] = [Math.min(...timesMs), Math.max(...timesMs)].map((ms) => ms.toFixed(0));
    return {
      measurements: [],
      findings: [
        {
          scenario: "start",
          name: "start to the first 201",
          value: median(timesMs),
          unit: "ms",
          goal: { kind: "at most", value: START_MS },
          note: `${least}–${most} ms`,
        },
      ],
    };
  },
};
