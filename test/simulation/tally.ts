import type { Outcome } from "./simulation.ts";

/** What many seeds have done, summed up. Plain data: it passes from process to process. */
export interface Tally {
  seeds: number;
  events: number;
  steps: number;
  simulatedMs: number;
  readonly counts: Record<string, number>;
}

export function newTally(): Tally {
  return { seeds: 0, events: 0, steps: 0, simulatedMs: 0, counts: {} };
}

export function count(tally: Tally, { events, steps, simulatedMs, counts }: Outcome): void {
  addTally(tally, { seeds: 1, events, steps, simulatedMs, counts: Object.fromEntries(counts) });
}

export function addTally(tally: Tally, more: Tally): void {
  tally.seeds += more.seeds;
  tally.events += more.events;
  tally.steps += more.steps;
  tally.simulatedMs += more.simulatedMs;
  for (const [what, times] of Object.entries(more.counts)) tally.counts[what] = (tally.counts[what] ?? 0) + times;
}

/** The tally for people: what was counted, by its kind, most first. */
export function describeTally(tally: Tally, seconds: number): string {
  const number = (value: number) => Math.round(value).toLocaleString("en-US");
  const kinds = new Map<string, string[]>();
  for (const [what, times] of Object.entries(tally.counts).toSorted(([, a], [, b]) => b - a)) {
    const [kind, name] = what.includes(": ") ? what.split(": ", 2) : ["also", what];
    kinds.set(kind ?? "", [...(kinds.get(kind ?? "") ?? []), `${name} ${number(times)}`]);
  }
  return [
    `${number(tally.seeds)} seeds in ${seconds.toFixed(1)} s: ${number(tally.seeds / seconds)} seeds/s, ` +
      `${number(tally.steps / tally.seeds)} steps and ${number(tally.events / tally.seeds)} events a seed, ` +
      `${(tally.simulatedMs / 3_600_000).toFixed(1)} hours of simulated time`,
    ...[...kinds].map(([kind, names]) => `  ${kind.padEnd(8)} ${names.join(" · ")}`),
  ].join("\n");
}
