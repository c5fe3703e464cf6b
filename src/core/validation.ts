/** One thing that is wrong with an event, in words a front-end developer can act on. */
export interface ValidationProblem {
  /** Stable and in `docs/errors.md`, such as `required` or `type`. */
  readonly code: string;
  /** JSON Pointer into the event: `/data/total`. */
  readonly pointer: string;
  /** One sentence: what is wrong, what was expected, what was found. */
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  /** Path of the schema on the collector, such as `/v1/schemas/checkout.paid`; absent when schemas are not served. */
  readonly schema?: string | undefined;
}

export type Verdict =
  | { readonly kind: "valid" }
  /** No schema is known for the event's type; the source decides whether that is accepted. */
  | { readonly kind: "unknown_type"; readonly problems: readonly ValidationProblem[] }
  | { readonly kind: "invalid"; readonly problems: readonly ValidationProblem[] };

/**
 * The one validation engine: it serves the reply to a sender, `?validate=only` and
 * `millrace schema test`.
 */
export interface EventValidator {
  /**
   * @param type the event's `type`
   * @param dataschema the event's `dataschema`, which may name a version
   * @param data the event's `data`, parsed; `undefined` when the event has none
   */
  validate(type: string, dataschema: string | undefined, data: unknown): Verdict;
}
