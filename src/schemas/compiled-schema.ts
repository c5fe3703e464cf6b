import type { ValidateFunction } from "ajv/dist/2020.js";
import { countValues } from "./data-size.ts";
import type { Violation } from "./explaining-keywords.ts";
import { type StepLimit, StepsExhausted } from "./step-limit.ts";

/** References that deciding on any data may follow; what needs more is counted first. */
const FREE_STEPS = 1_000;
/** References that deciding may follow for each value in the data; a union of ten forms takes about ten. */
const STEPS_PER_VALUE = 32;
/** The same for explaining, where each step may make errors, which cost more. */
const FREE_EXPLAINING_STEPS = 1_000;
const EXPLAINING_STEPS_PER_VALUE = 8;

/** A validator and what bounds its work. */
export interface LimitedValidator {
  readonly validate: ValidateFunction;
  readonly limit: StepLimit;
}

/** One schema, compiled twice: to decide fast, and to explain in full. */
export class CompiledSchema {
  readonly #deciding: LimitedValidator;
  readonly #explaining: LimitedValidator;

  constructor(deciding: LimitedValidator, explaining: LimitedValidator) {
    this.#deciding = deciding;
    this.#explaining = explaining;
  }

  /**
   * Whether the data fits. Allocates nothing for valid data without `anyOf` or `oneOf`.
   *
   * Throws `StepsExhausted` when that takes out of proportion many steps, and another `RangeError` when
   * the stack does not suffice.
   */
  check(data: unknown): boolean {
    const { validate, limit } = this.#deciding;
    limit.left = FREE_STEPS;
    try {
      return validate(data);
    } catch (error) {
      if (!(error instanceof StepsExhausted)) throw error;
    }
    limit.left = STEPS_PER_VALUE * countValues(data);
    return validate(data);
  }

  /** The first thing found wrong by the last `check`, which must have returned `false`, and what it is part of. */
  takeFirst(): readonly Violation[] {
    return takeErrors(this.#deciding.validate);
  }

  /**
   * All that is wrong with data of bounded size, as a tree; `undefined` when finding it all takes out of
   * proportion many steps. Throws `RangeError` as `check` does.
   */
  explain(data: unknown): readonly Violation[] | undefined {
    const { validate, limit } = this.#explaining;
    limit.left = FREE_EXPLAINING_STEPS + EXPLAINING_STEPS_PER_VALUE * countValues(data);
    try {
      validate(data);
    } catch (error) {
      if (error instanceof StepsExhausted) return undefined;
      throw error;
    }
    return takeErrors(validate);
  }
}

/** The errors refer to the data, which must not be kept alive. */
function takeErrors(validate: ValidateFunction): readonly Violation[] {
  const errors: readonly Violation[] = validate.errors ?? [];
  validate.errors = null;
  return errors;
}
