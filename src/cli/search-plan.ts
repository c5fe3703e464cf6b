import type { searchSetups } from "../app/search-setup.ts";

type SearchSetup = ReturnType<typeof searchSetups>[number];
type SetupStep = Awaited<ReturnType<SearchSetup["look"]>>[number];

/** Far above what any answer takes; a look at a server that hangs ends. */
const LOOK_MS = 60_000;

export interface PlanItem {
  readonly step: SetupStep;
  /** Pending is what will be done when told to. */
  outcome: "nothing to do" | "pending" | "done" | "failed";
  /** Why it failed, in words. */
  problem?: string;
}

export interface SinkPlan {
  readonly setup: SearchSetup;
  readonly items: readonly PlanItem[];
}

/** @param replace whether what others made is to be changed too */
export async function planOf(setup: SearchSetup, replace: boolean): Promise<SinkPlan> {
  const steps = await setup.look(AbortSignal.timeout(LOOK_MS));
  return { setup, items: steps.map((step) => itemOf(step, replace)) };
}

export function isPending({ items }: SinkPlan): boolean {
  return items.some(({ outcome }) => outcome === "pending");
}

/** Does what is pending, in order. Without its template a data stream is not made. */
export async function applyPlan({ setup, items }: SinkPlan): Promise<void> {
  for (const item of items) {
    if (item.outcome !== "pending") continue;
    const { kind } = item.step.object;
    const lacksTemplate = items.some(
      ({ step, outcome }) => step.object.kind === "index template" && outcome === "failed",
    );
    const problem =
      kind === "data stream" && lacksTemplate
        ? "its index template could not be made"
        : await setup.put(item.step, AbortSignal.timeout(LOOK_MS));
    item.outcome = problem === undefined ? "done" : "failed";
    if (problem !== undefined) item.problem = problem;
  }
}

function itemOf(step: SetupStep, replace: boolean): PlanItem {
  switch (step.standing.kind) {
    case "as wanted":
      return { step, outcome: "nothing to do" };
    case "missing":
    case "different":
      return { step, outcome: "pending" };
    case "of others":
      return replace
        ? { step, outcome: "pending" }
        : { step, outcome: "failed", problem: "others made it; --replace overwrites it" };
    case "unknown":
      return { step, outcome: "failed", problem: step.standing.reason };
  }
}
