import type { KinesisFaults } from "../../testing/kinesis-faults.ts";
import type { Fault } from "../fault.ts";

/** What happens to the stream that events are delivered to. */
export const SINK_FAULTS: readonly Fault[] = [
  streamFault(
    "sink-throttled",
    2,
    [2_000, 8_000],
    "the stream takes 50 records a second and shard, and throttles the rest",
    () => ({
      shardLimits: { recordsPerSecond: 50, bytesPerSecond: 1024 ** 2 },
    }),
  ),
  streamFault("sink-partial", 2, [2_000, 8_000], "the stream refuses a part of the records of each call", (random) => ({
    records: { ratio: 0.1 + 0.5 * random() },
  })),
  streamFault("sink-timeouts", 2, [2_000, 6_000], "the stream stores calls and never answers, or does neither", () => ({
    calls: { ratio: 0.5, kinds: ["hang-after-commit", "hang"] },
  })),
  streamFault(
    "sink-resets",
    2,
    [2_000, 8_000],
    "connections to the stream break before and after it stores, answers come empty or cut short",
    () => ({
      calls: { ratio: 0.5, kinds: ["reset-before-commit", "reset-after-commit", "empty-reply", "truncated-reply"] },
    }),
  ),
  streamFault("sink-errors", 1, [2_000, 6_000], "the stream answers with errors, its proxy with HTML", () => ({
    calls: { ratio: 0.8, kinds: ["throttled", "internal-failure", "unavailable", "bad-gateway"] },
  })),
  streamFault("sink-slow", 1, [3_000, 8_000], "the stream takes up to a second for each call", () => ({
    latencyMs: { min: 300, max: 1_000 },
  })),
  {
    name: "sink-down",
    lanes: ["sink"],
    weight: 2,
    lengthMs: [3_000, 15_000],
    meaning: "the stream refuses connections",
    async begin({ stream }) {
      await stream.down();
      return { end: () => stream.up() };
    },
  },
  streamFault(
    "sink-lies",
    0,
    [2_000, 4_000],
    "the stream drops records and says it has them; no sink can be asked for that, it proves that the oracle sees",
    () => ({
      lies: { ratio: 0.01 },
    }),
  ),
];

function streamFault(
  name: string,
  weight: number,
  lengthMs: Fault["lengthMs"],
  meaning: string,
  faults: (random: () => number) => KinesisFaults,
): Fault {
  return {
    name,
    lanes: ["sink"],
    weight,
    lengthMs,
    meaning,
    async begin({ stream }, random) {
      await stream.setFaults(faults(random));
      return { end: () => stream.setFaults() };
    },
  };
}
