import type { ValidationProblem } from "../../core/validation.ts";
import type { IncomingItem } from "./incoming-event.ts";

/**
 * A message that no event can be made of.
 *
 * @param raw as it was sent, for the quarantine
 * @param parsed false when it is better not parsed later either
 */
export function malformedItem(raw: Buffer, problem: ValidationProblem, parsed = true): IncomingItem {
  return { kind: "malformed", malformed: { id: undefined, problems: [problem], raw, parsed } };
}
