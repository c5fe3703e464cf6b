import type { CollectedEvent } from "../core/event.ts";
import { EventCondition } from "../expressions/event-condition.ts";
import { ReadEvent } from "../expressions/read-event.ts";

/** `error`: the expression has no answer for this event. */
export type FilterVerdict = "pass" | "drop" | "error";

const VERDICTS = { true: "pass", false: "drop", error: "error" } as const;

/** The `when:` of a sink: which events its pipeline sends. */
export class Filter {
  readonly #condition: EventCondition;

  /** Throws `filter_invalid` when the expression cannot be compiled or cannot be true or false. */
  constructor(expression: string) {
    this.#condition = new EventCondition(expression);
  }

  /** What the last `error` verdict was about, without anything of the event. */
  get lastError(): string {
    return this.#condition.lastError;
  }

  test(event: CollectedEvent): FilterVerdict {
    return VERDICTS[this.#condition.test(new ReadEvent(event))];
  }
}
