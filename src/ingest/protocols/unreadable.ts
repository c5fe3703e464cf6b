import type { ProblemCode } from "../problems.ts";
import type { EventLimits, UnreadableBody } from "./incoming-event.ts";

/** The end of a body in which events cannot be told apart. */
export function unreadable(code: ProblemCode, detail: string): UnreadableBody {
  return { kind: "unreadable", code, detail };
}

/** @param what the protocol's word for them */
export function tooManyEvents({ maxEventsPerRequest }: EventLimits, what = "events"): UnreadableBody {
  const detail = `A request may hold at most ${maxEventsPerRequest} ${what}; send the rest in further requests.`;
  return unreadable("too_many_events", detail);
}
