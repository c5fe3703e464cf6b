import type { Finding } from "./finding.ts";
import type { Report } from "./report.ts";
import { FLOORS } from "./targets.ts";

/**
 * How much worse than the baseline a ratio may be. CPU an event differs by 20 % from one run
 * to the next on a shared machine. A ratio to a floor of the same run differs less, but
 * what disturbs a collector with its caches full disturbs nginx less, so some of it is left.
 */
export const TOLERANCE = 0.2;

/** With fewer, the best round is the median, and every noisy one fails the check. */
export const LEAST_ROUNDS = 3;

export interface Comparison {
  readonly name: string;
  readonly baseline: number;
  readonly now: number;
  /** By how much it is worse, as a part of the baseline; negative when it is better. */
  readonly worseBy: number;
  readonly isWorse: boolean;
}

/**
 * Every ratio that both runs have. One counts as worse only if both the median and the best
 * round are beyond the tolerance: other work on the machine makes some rounds dearer and
 * none cheaper, where code that became slower is slower in the best round too.
 */
export function compare(now: Report, baseline: Report): Comparison[] {
  const compared: Comparison[] = [];
  for (const measurement of now.measurements) {
    // Floors are what others made, and change with Node and with the machine.
    if (Object.values(FLOORS).some((floor) => measurement.name.startsWith(floor))) continue;
    const before = baseline.measurements.find(
      ({ scenario, name }) => scenario === measurement.scenario && name === measurement.name,
    );
    const { ratio, bestRatio } = measurement;
    if (before === undefined || before.ratio === null || before.bestRatio === null) continue;
    if (ratio === null || bestRatio === null) continue;
    const worseBy = ratio / before.ratio - 1;
    compared.push({
      name: `${measurement.scenario}: ${measurement.name}`,
      baseline: before.ratio,
      now: ratio,
      worseBy,
      isWorse: worseBy > TOLERANCE && bestRatio / before.bestRatio - 1 > TOLERANCE,
    });
  }
  for (const finding of now.findings) {
    const before = baseline.findings.find(
      ({ scenario, name }) => scenario === finding.scenario && name === finding.name,
    );
    // Those of CPU are in the measurements already.
    if (before === undefined || finding.isRatio !== true || finding.goal?.kind !== "at least") continue;
    compared.push(compareFinding(finding, before));
  }
  return compared;
}

function compareFinding(now: Finding, before: Finding): Comparison {
  const worseBy = 1 - now.value / before.value;
  const bestWorseBy = 1 - (now.best ?? now.value) / (before.best ?? before.value);
  return {
    name: `${now.scenario}: ${now.name}`,
    baseline: before.value,
    now: now.value,
    worseBy,
    isWorse: worseBy > TOLERANCE && bestWorseBy > TOLERANCE,
  };
}

export function renderComparison(compared: readonly Comparison[], baselineAt: string): string {
  const rows = compared.map(({ name, baseline, now, worseBy, isWorse }) => {
    const change = `${worseBy > 0 ? "+" : "−"}${Math.abs(worseBy * 100).toFixed(0)} %`;
    return `| ${name} | ${baseline.toFixed(2)} | ${now.toFixed(2)} | ${change} | ${isWorse ? "**worse**" : "ok"} |`;
  });
  return [
    `Beside the baseline of ${baselineAt}; up to ${TOLERANCE * 100} % worse counts as noise:`,
    "",
    "| ratio | baseline | now | worse by | |",
    "| --- | ---: | ---: | ---: | --- |",
    ...rows,
  ].join("\n");
}
