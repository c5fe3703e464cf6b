import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { type Level, perLevel } from "./oracle.ts";

export const PHASES = ["calm", "storm"] as const;

export type Phase = (typeof PHASES)[number];

/** How long answers took, in milliseconds. */
export interface AckTime {
  readonly answers: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** From the first byte of a request to the last of its answer, by level, before the storm and in it. */
export class AckTimes {
  phase: Phase = "calm";
  readonly #histograms = new Map<string, RecordableHistogram>();

  add(level: Level, ms: number): void {
    const key = `${this.phase} ${level}`;
    let histogram = this.#histograms.get(key);
    if (histogram === undefined) this.#histograms.set(key, (histogram = createHistogram()));
    histogram.record(Math.max(1, Math.round(ms * 1_000)));
  }

  summary(): Record<Phase, Record<Level, AckTime>> {
    const of = (phase: Phase, level: Level): AckTime => {
      const histogram = this.#histograms.get(`${phase} ${level}`);
      if (histogram === undefined) return { answers: 0, p50Ms: 0, p99Ms: 0 };
      return {
        answers: histogram.count,
        p50Ms: histogram.percentile(50) / 1_000,
        p99Ms: histogram.percentile(99) / 1_000,
      };
    };
    const levels = (phase: Phase): Record<Level, AckTime> => perLevel((level) => of(phase, level));
    return { calm: levels("calm"), storm: levels("storm") };
  }
}
