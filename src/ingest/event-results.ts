import type { ValidationProblem } from "../core/validation.ts";
import type { Judgement } from "./judge-events.ts";

/** Problems shown per event; who has more fixes these first. */
const MAX_PROBLEMS = 20;

/** What a sender is told about one event of its request. */
export type EventResult =
  | {
      readonly index: number;
      readonly id: string | undefined;
      /** `valid`: checked only, not stored. */
      readonly status: "accepted" | "valid";
      /** For `GET /v1/receipts/{id}`. */
      readonly receipt?: string;
      readonly warnings?: readonly ValidationProblem[];
    }
  | ({
      readonly index: number;
      readonly id: string | undefined;
      readonly status: "rejected";
      readonly problems: readonly ValidationProblem[];
      // The first problem is told in the result itself too, for those who show one.
    } & ValidationProblem);

/** What became of the valid events: their ids and receipts, in order. */
export interface StoredEvents {
  readonly ids: readonly string[];
  receiptOf(index: number): string;
}

/** One result per event, in the order of the request. */
export function eventResults({ valid, invalid, warned }: Judgement, stored: StoredEvents | undefined): EventResult[] {
  const results: EventResult[] = [];
  let nextInvalid = 0;
  let nextWarned = 0;
  let nextValid = 0;
  for (let index = 0; index < valid.length + invalid.length; index++) {
    const rejected = invalid[nextInvalid];
    if (rejected?.index === index) {
      nextInvalid++;
      const problems = rejected.problems.slice(0, MAX_PROBLEMS);
      results.push({ index, id: rejected.id, status: "rejected", ...firstOf(problems), problems });
      continue;
    }
    const warning = warned[nextWarned]?.index === index ? warned[nextWarned++] : undefined;
    const warnings = warning && { warnings: warning.problems.slice(0, MAX_PROBLEMS) };
    if (stored === undefined) results.push({ index, id: valid[nextValid]?.id, status: "valid", ...warnings });
    else {
      const receipt = stored.receiptOf(nextValid);
      results.push({ index, id: stored.ids[nextValid], status: "accepted", receipt, ...warnings });
    }
    nextValid++;
  }
  return results;
}

function firstOf(problems: readonly ValidationProblem[]): ValidationProblem {
  return problems[0] ?? { code: "invalid", pointer: "", message: "The event is not valid." };
}

/** Says in one sentence how many events are invalid and what is wrong with the first. */
export function summary({ valid, invalid }: Judgement): string {
  const events = valid.length + invalid.length;
  const first = invalid[0];
  const problem = first?.problems[0];
  const where = problem === undefined || problem.pointer === "" ? "" : ` at ${problem.pointer}`;
  const what = problem === undefined ? "" : ` Event ${first?.index ?? 0}${where}: ${problem.message}`;
  return events === 1
    ? `The event is not valid.${what}`
    : `None of the ${events} events is valid.${what} See \`results\` for each.`;
}
