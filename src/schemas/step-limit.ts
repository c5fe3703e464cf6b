import { _, type Ajv2020 } from "ajv/dist/2020.js";
import { aroundKeyword } from "./around-keyword.ts";

/** The work that a validation took was more than its data may ask for. */
export class StepsExhausted extends RangeError {
  override readonly name = "StepsExhausted";
}

/**
 * Bounds the work of one validation, counted in references followed. Only through references can a schema look at
 * the same value again and again: a recursive one with two branches that both descend takes 2^depth steps, and the
 * depth is in the sender's hands. All other work is bounded by the sizes of schema and data.
 */
export class StepLimit {
  /** How many more references the validators of this limit may follow. */
  left = 0;
  // Made once: a stack trace for each refused event would cost more than the event.
  readonly exhausted = new StepsExhausted("the schema takes too many steps for this data");
}

/** Has all validators of `ajv` throw `limit.exhausted` at the first reference beyond the limit. */
export function limitSteps(ajv: Ajv2020, limit: StepLimit): void {
  for (const keyword of ["$ref", "$dynamicRef"]) {
    aroundKeyword(ajv, keyword, ({ gen }, original) => {
      const steps = gen.scopeValue("obj", { ref: limit });
      gen.if(_`--${steps}.left < 0`, () => gen.throw(_`${steps}.exhausted`));
      original();
    });
  }
}
