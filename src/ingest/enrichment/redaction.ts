import type { ValidationProblem } from "../../core/validation.ts";
import type { InvalidEvent, WarnedEvent } from "../judge-events.ts";
import type { EnrichmentConfig } from "./config.ts";
import { pointerSteps } from "./json-pointer.ts";
import { type RedactRule, Redactor } from "./redactor.ts";

const NOTHING = Buffer.alloc(0);

/** Takes what a source must not store out of its events, and out of what is said about them. */
export class Redaction {
  readonly #redactor: Redactor;

  private constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** `undefined` when the source redacts nothing. */
  static of({ redact, hashSecret = "" }: EnrichmentConfig): Redaction | undefined {
    const rules: RedactRule[] = [];
    for (const { pointer, action } of redact) {
      const steps = pointerSteps(pointer);
      if (steps !== undefined) rules.push({ steps, action });
    }
    return rules.length === 0 ? undefined : new Redaction(new Redactor(rules, hashSecret));
  }

  event(raw: Buffer): Buffer {
    return this.#redactor.redact(raw);
  }

  /** What is in no form in which the fields could be found is not kept at all. */
  invalid(event: InvalidEvent): InvalidEvent {
    const raw = event.inForm === true ? this.event(event.raw) : NOTHING;
    return { ...event, raw, kept: event.problems.map(unquoted) };
  }

  warned(event: WarnedEvent): WarnedEvent {
    return { ...event, kept: event.problems.map(unquoted) };
  }

  /** What is kept of a body in which no events can be told apart. */
  body(): { readonly detail: string; readonly body: Buffer } {
    return {
      detail: "The body is not kept, since the source redacts fields that cannot be found in it.",
      body: NOTHING,
    };
  }
}

/** Words about one field may quote another, so the sender alone gets them. */
function unquoted({ code, pointer, expected, schema }: ValidationProblem): ValidationProblem {
  const message = "What was found is not kept, since the source redacts fields.";
  return {
    code,
    pointer,
    message,
    ...(expected !== undefined && { expected }),
    ...(schema !== undefined && { schema }),
  };
}
