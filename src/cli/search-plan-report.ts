import { type CliContext, printLine } from "./cli-context.ts";
import { painter } from "./paint.ts";
import type { PlanItem, SinkPlan } from "./search-plan.ts";

const SIGNS = { missing: "+", "as wanted": "=", different: "~", "of others": "!", unknown: "?" } as const;

/** What is there and what will become of it, a line for each object, and the differences. */
export function printPlan({ setup, items }: SinkPlan, { stdout, env }: CliContext): void {
  const paint = painter(stdout, env);
  const { name, type, urls, setup: wanted, dataStream } = setup.config;
  printLine(stdout, paint("bold", `sink ${name} (${type}) at ${urls.map((url) => new URL(url).host).join(", ")}`));
  const rollover = dataStream ? `a new index every ${days(wanted.rolloverAfterDays)}` : "no rollover";
  const deleted =
    wanted.deleteAfterDays === undefined ? "never deleted" : `deleted after ${days(wanted.deleteAfterDays)}`;
  printLine(stdout, `  data ${wanted.data}, ${rollover}, ${deleted}`);
  for (const { step } of items) {
    const { object, standing } = step;
    printLine(stdout, `  ${SIGNS[standing.kind]} ${object.kind} ${object.name}: ${standing.kind}`);
    if (standing.kind === "missing") printLine(stdout, paint("dim", `      PUT ${object.path}`));
    if ("differences" in standing) for (const line of standing.differences) printLine(stdout, `      ${line}`);
    if (standing.kind === "unknown") printLine(stdout, `      ${standing.reason}`);
  }
  printLine(stdout);
}

export function planAsJson({ setup, items }: SinkPlan): unknown {
  return { sink: setup.config.name, type: setup.config.type, steps: items.map(itemAsJson) };
}

function itemAsJson({ step, outcome, problem }: PlanItem): unknown {
  const { object, standing } = step;
  return {
    kind: object.kind,
    name: object.name,
    standing: standing.kind,
    ...("differences" in standing && { differences: standing.differences }),
    request: { method: "PUT", path: object.path, body: object.body },
    outcome,
    problem,
  };
}

function days(count: number): string {
  return count === 1 ? "day" : `${count} days`;
}
