import type { Fault } from "../fault.ts";

const HOUR_MS = 3_600_000;
const MOST_HOURS = 12;

/** What happens to the wall clock. */
export const CLOCK_FAULTS: readonly Fault[] = [
  clockFault("clock-forward", 1, "the wall clock jumps forward by hours, and back"),
  clockFault("clock-back", -1, "the wall clock jumps back by hours, and forward"),
];

function clockFault(name: string, sign: 1 | -1, meaning: string): Fault {
  return {
    name,
    lanes: ["clock"],
    weight: 1,
    lengthMs: [2_000, 10_000],
    meaning,
    async begin({ injection }, random) {
      const clockShiftMs = Math.round(sign * HOUR_MS * (1 + random() * (MOST_HOURS - 1)));
      await injection.set({ clockShiftMs });
      return { detail: `${(clockShiftMs / HOUR_MS).toFixed(1)} h`, end: () => injection.set({ clockShiftMs: 0 }) };
    },
  };
}
