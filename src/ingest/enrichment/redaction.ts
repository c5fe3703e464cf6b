import type { ValidationProblem } from "../../core/validation.ts";
import type { InvalidEvent, WarnedEvent } from "../judge-events.ts";
import type { EnrichmentConfig } from "./config.ts";
import { EVERY, pointerSteps, touches } from "../json-pointer.ts";
import { type RedactRule, Redactor } from "./redactor.ts";

const NOTHING = Buffer.alloc(0);

/** Takes what a source must not store out of its events, and out of what is said about them. */
export class Redaction {
  readonly #rules: readonly RedactRule[];
  readonly #redactor: Redactor;

  private constructor(rules: readonly RedactRule[], secret: string) {
    this.#rules = rules;
    this.#redactor = new Redactor(rules, secret);
  }

  /** `undefined` when the source redacts nothing. */
  static of({ redact, hashSecret = "" }: EnrichmentConfig): Redaction | undefined {
    const rules: RedactRule[] = [];
    for (const { pointer, action } of redact) {
      const steps = pointerSteps(pointer);
      if (steps !== undefined) rules.push({ steps, action });
    }
    return rules.length === 0 ? undefined : new Redaction(rules, hashSecret);
  }

  event(raw: Buffer): Buffer {
    return this.#redactor.redact(raw);
  }

  /** What is in no form in which the fields could be found is not kept at all. */
  invalid(event: InvalidEvent): InvalidEvent {
    const raw = event.inForm === true ? this.event(event.raw) : NOTHING;
    return { ...event, raw, kept: this.#unquoted(event.problems) };
  }

  warned(event: WarnedEvent): WarnedEvent {
    return { ...event, kept: this.#unquoted(event.problems) };
  }

  /** What is kept of a body in which no events can be told apart. */
  body(): { readonly detail: string; readonly body: Buffer } {
    return {
      detail: "The body is not kept, since the source redacts fields that cannot be found in it.",
      body: NOTHING,
    };
  }

  /** Words about one field may quote another, so the sender alone gets them. */
  #unquoted(problems: readonly ValidationProblem[]): ValidationProblem[] {
    return problems.map(({ code, pointer, expected, schema }) => ({
      code,
      pointer: this.#unnamed(pointer),
      message: "What was found is not kept, since the source redacts fields.",
      ...(expected !== undefined && { expected }),
      ...(schema !== undefined && { schema }),
    }));
  }

  /** The pointer as far as it names nothing that is redacted: within a field, or by `*`, names are the sender's own. */
  #unnamed(pointer: string): string {
    const steps = pointerSteps(pointer);
    if (steps === undefined) return pointer;
    let kept = pointer.split("/");
    for (const rule of this.#rules) {
      const { length } = rule.steps;
      if (length > steps.length || length >= kept.length || !touches(rule.steps, steps)) continue;
      kept = kept.slice(0, length + 1);
      if (rule.action === "remove" && rule.steps.at(-1) === EVERY) kept[length] = EVERY;
    }
    return kept.join("/");
  }
}
