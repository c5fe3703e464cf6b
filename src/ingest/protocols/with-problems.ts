import type { ValidationProblem } from "../../core/validation.ts";
import type { IncomingItem } from "./incoming-event.ts";

/** The item, malformed by these problems besides its own. */
export function withProblems(item: IncomingItem, problems: readonly ValidationProblem[]): IncomingItem {
  if (problems.length === 0) return item;
  if (item.kind === "malformed") {
    return { kind: "malformed", malformed: { ...item.malformed, problems: [...item.malformed.problems, ...problems] } };
  }
  const { id, raw } = item.event;
  return { kind: "malformed", malformed: { id, problems, raw, parsed: true } };
}
