import type { ValidationProblem } from "../core/validation.ts";
import type { FilterReason } from "./enrichment/sieve.ts";
import type { Judgement } from "./judge-events.ts";

/** Problems told of one event; who has more fixes these first. */
const MAX_PROBLEMS_OF_EVENT = 20;

/**
 * Problems told in one answer. Of events beyond that only the code is told, else an answer
 * could be hundreds of times as long as its request. The quarantine has them all.
 */
const MAX_PROBLEMS_TOLD = 1_000;

/** What a sender is told about one event of its request. */
export type EventResult =
  | {
      readonly index: number;
      readonly id: string | undefined;
      /** `valid`: checked only, not stored. */
      readonly status: "accepted" | "valid";
      /** For `GET /v1/receipts/{id}`. */
      readonly receipt?: string;
      /** Why it is not stored, though it is accepted. */
      readonly dropped?: FilterReason;
      readonly warnings?: readonly ValidationProblem[] | undefined;
    }
  | ({
      readonly index: number;
      readonly id: string | undefined;
      readonly status: "rejected";
      readonly code: string;
      readonly problems?: readonly ValidationProblem[] | undefined;
      // The first problem is told in the result itself too, for those who show one.
    } & Partial<ValidationProblem>);

/** What became of the valid events: ids and receipts of those that are stored, in order. */
export interface StoredEvents {
  readonly ids: readonly string[];
  receiptOf(index: number): string;
  /** Why each valid event is not stored, where not all are. */
  readonly reasons?: readonly (FilterReason | undefined)[] | undefined;
}

/** One result per event, in the order of the request. */
export function eventResults({ valid, invalid, warned }: Judgement, stored: StoredEvents | undefined): EventResult[] {
  const results: EventResult[] = [];
  let nextInvalid = 0;
  let nextWarned = 0;
  let nextValid = 0;
  let nextStored = 0;
  let left = MAX_PROBLEMS_TOLD;
  const told = (problems: readonly ValidationProblem[]): readonly ValidationProblem[] | undefined => {
    if (left === 0) return undefined;
    const shown = problems.slice(0, Math.min(left, MAX_PROBLEMS_OF_EVENT));
    left -= shown.length;
    return shown;
  };
  for (let index = 0; index < valid.length + invalid.length; index++) {
    const rejected = invalid[nextInvalid];
    if (rejected?.index === index) {
      nextInvalid++;
      const problems = told(rejected.problems);
      const code = rejected.problems[0]?.code ?? "invalid";
      results.push({ index, id: rejected.id, status: "rejected", code, ...problems?.[0], problems });
      continue;
    }
    const warning = warned[nextWarned]?.index === index ? warned[nextWarned++] : undefined;
    const warnings = warning && { warnings: told(warning.problems) };
    const id = valid[nextValid]?.id;
    const dropped = stored?.reasons?.[nextValid];
    nextValid++;
    if (stored === undefined) results.push({ index, id, status: "valid", ...warnings });
    else if (dropped !== undefined) results.push({ index, id, status: "accepted", dropped, ...warnings });
    else {
      const receipt = stored.receiptOf(nextStored);
      results.push({ index, id: stored.ids[nextStored], status: "accepted", receipt, ...warnings });
      nextStored++;
    }
  }
  return results;
}

/** Says in one sentence how many events are invalid and what is wrong with the first. */
export function summary({ valid, invalid }: Judgement): string {
  const events = valid.length + invalid.length;
  const first = invalid[0];
  const problem = first?.problems[0];
  const where = problem === undefined || problem.pointer === "" ? "" : ` at ${problem.pointer}`;
  const what = problem === undefined ? "" : ` Event ${first?.index ?? 0}${where}: ${problem.message}`;
  if (events === 1) return `The event is not valid.${what}`;
  return valid.length > 0
    ? `${invalid.length} of the ${events} events ${invalid.length === 1 ? "is" : "are"} not valid.${what}`
    : `None of the ${events} events is valid.${what} See \`results\` for each.`;
}
