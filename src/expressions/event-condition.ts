import {
  type ASTNode,
  Environment,
  EvaluationError,
  ParseError,
  type ParseResult,
  TypeError as CelTypeError,
} from "@marcbachmann/cel-js";
import { MillraceError } from "../core/errors.ts";
import type { ReadEvent } from "./read-event.ts";

/** `error`: the expression has no answer for this event, such as when it reads a field the event does not have. */
export type Verdict = "true" | "false" | "error";

/**
 * In CEL `type` is a function and a value of its own, so a variable cannot have that name.
 * The expression is compiled with this name in its place, of the same length so that the
 * positions in error messages stay right.
 */
const TYPE_VARIABLE = "Type";

/** Made when the first condition is: it takes as long as all else that one needs. */
let environment: Environment | undefined;

/**
 * The `when:` of a sink or of a rule: a CEL expression over the event.
 *
 * It sees `event` (the whole CloudEvents object) and, for convenience, `type`, `source`,
 * `id` and `data` (`null` when the event has none). JSON numbers are doubles; integer
 * literals mix with them. An expression that needs only `type`, `source` and `id` does
 * not make the event be parsed.
 */
export class EventCondition {
  /** What the last `error` verdict was about: CEL's code and the place, since its messages can quote the event. */
  lastError = "";
  readonly #evaluate: ParseResult;
  readonly #parsesEvent: boolean;

  /** Throws `filter_invalid` when the expression cannot be compiled or cannot be true or false. */
  constructor(expression: string) {
    const { evaluate, names } = compile(expression);
    this.#evaluate = evaluate;
    this.#parsesEvent = names.has("event") || names.has("data");
  }

  test(read: ReadEvent): Verdict {
    const { event } = read;
    try {
      const parsed = this.#parsesEvent ? read.parsed() : undefined;
      const answer: unknown = this.#evaluate({
        event: parsed,
        [TYPE_VARIABLE]: event.type,
        source: event.source,
        id: event.id,
        data: parsed?.data ?? null,
      });
      if (typeof answer === "boolean") return answer ? "true" : "false";
      this.lastError = "the result is neither true nor false";
    } catch (error) {
      this.lastError = codeOf(error) + placeOf(error);
    }
    return "error";
  }
}

function compile(expression: string): { evaluate: ParseResult; names: ReadonlySet<string> } {
  try {
    environment ??= createEnvironment();
    const identifiers = identifiersOf(environment.parse(expression).ast);
    let source = expression;
    for (const { name, start } of identifiers) {
      if (name === "type") source = source.slice(0, start) + TYPE_VARIABLE + source.slice(start + name.length);
    }
    const evaluate = environment.parse(source);
    const { valid, type, error } = evaluate.check();
    if (!valid) throw error ?? new Error("it is not valid");
    if (type !== "bool" && type !== "dyn") throw new Error(`it gives a value of type ${type}, not true or false`);
    return { evaluate, names: new Set(identifiers.map(({ name }) => name)) };
  } catch (error) {
    throw new MillraceError(
      "filter_invalid",
      `the filter \`${expression}\` cannot be used: ${messageOf(error)}${placeOf(error)}. ` +
        "Write a CEL expression that is true for the events to send, over event, type, source, id and data, " +
        'such as `type == "checkout.paid" && data.total > 100`.',
      { cause: error },
    );
  }
}

function identifiersOf(node: ASTNode): { name: string; start: number }[] {
  if (node.op === "id") return [{ name: node.args, start: node.start }];
  return childrenOf(node.args).flatMap(identifiersOf);
}

/** The nodes among an operator's arguments, which the parser nests in lists and mixes with names and literals. */
function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return isNode(args) ? [args] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value;
}

function createEnvironment(): Environment {
  const env = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
    .registerVariable("event", "map")
    .registerVariable(TYPE_VARIABLE, "string")
    .registerVariable("source", "string")
    .registerVariable("id", "string")
    .registerVariable("data", "dyn");
  // CEL keeps int and double apart. To who writes `data.total * 2 > 100` a number is a number.
  const arithmetic: readonly [string, (left: number, right: number) => number][] = [
    ["+", (left, right) => left + right],
    ["-", (left, right) => left - right],
    ["*", (left, right) => left * right],
    ["/", (left, right) => left / right],
    ["%", (left, right) => left % right],
  ];
  for (const [operator, apply] of arithmetic) {
    const mixed = (left: number | bigint, right: number | bigint) => apply(Number(left), Number(right));
    env.registerOperator(`double ${operator} int: double`, mixed);
    env.registerOperator(`int ${operator} double: double`, mixed);
  }
  env.registerOperator("double % double: double", (left: number, right: number) => left % right);
  env.registerOperator("double == int", (left: number, right: bigint) => left === Number(right));
  return env;
}

function isCelError(error: unknown): error is ParseError | EvaluationError | CelTypeError {
  return error instanceof ParseError || error instanceof EvaluationError || error instanceof CelTypeError;
}

function messageOf(error: unknown): string {
  // The message proper repeats the expression with a marker, over several lines.
  if (isCelError(error)) return error.summary;
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return isCelError(error) ? error.code : "unreadable_event";
}

function placeOf(error: unknown): string {
  return isCelError(error) && error.range !== undefined ? ` at character ${error.range.start + 1}` : "";
}
