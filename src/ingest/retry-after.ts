import type { Problem } from "./problems.ts";

/** Longest spread, so that nobody waits much longer than he has to. */
const MAX_SPREAD_SECONDS = 60;

/** The least that `Retry-After` may say: whole seconds, at least 1. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}

/**
 * The problem with its `Retry-After` drawn evenly from the least to three times that, or to
 * a minute more. So those who were refused together do not come back together: what there
 * is by then would go to the first of them, and the rest go on in step.
 *
 * @param random 0 to below 1
 */
export function spreadRetry(problem: Problem, random: () => number): Problem {
  const least = problem.retryAfterSeconds;
  if (least === undefined) return problem;
  const spread = Math.min(2 * least, MAX_SPREAD_SECONDS);
  return { ...problem, retryAfterSeconds: least + Math.floor(random() * (spread + 1)) };
}
