import { formatExample, formatWords } from "./format-words.ts";
import { nearestName } from "../core/nearest-name.ts";
import type { Violation } from "./explaining-keywords.ts";
import { counted, escapeUnsafe, foundWords, listed, quoted, typeWords, valueText, isTooLarge } from "./value-words.ts";

/** A rule that a value breaks by itself: "must `must`, but `but`. `hint`"; without `but` when `must` says it all. */
export interface BrokenRule {
  readonly must: string;
  readonly but?: string;
  readonly hint?: string | undefined;
}

/** The words for the keywords that look at one value; `undefined` for all others. */
export function brokenRule(violation: Violation): BrokenRule | undefined {
  const { keyword, params, data } = violation;
  const limit = typeof params["limit"] === "number" ? params["limit"] : 0;
  const is = `is ${foundWords(data)}`;
  switch (keyword) {
    case "type":
      return brokenType(violation);
    case "enum":
      return brokenEnum(violation);
    case "const":
      return { must: `be ${valueText(violation.schema)}`, but: is, hint: nearestHint([violation.schema], data) };
    case "format":
      return { must: `be ${formatWords(String(params["format"]))}`, but: is };
    case "pattern":
      return brokenPattern(violation);
    case "minimum":
    case "maximum":
      return { must: `be ${limit} or ${keyword === "minimum" ? "more" : "less"}`, but: `is ${String(data)}` };
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return {
        must: `be ${keyword === "exclusiveMinimum" ? "more" : "less"} than ${limit}`,
        but: `is ${String(data)}`,
      };
    case "multipleOf":
      return { must: `be a multiple of ${String(params["multipleOf"])}`, but: `is ${String(data)}` };
    case "minLength":
    case "maxLength":
      return brokenLength(violation, limit);
    case "minItems":
    case "maxItems":
      return {
        must: `have ${bound(keyword, limit)} ${limit === 1 ? "entry" : "entries"}`,
        but: `has ${lengthOf(data)}`,
      };
    case "items":
    case "unevaluatedItems":
      return { must: `have at most ${counted(entryLimit(params), "entry", "entries")}`, but: `has ${lengthOf(data)}` };
    case "minProperties":
    case "maxProperties":
      return {
        must: `have ${bound(keyword, limit)} ${limit === 1 ? "member" : "members"}`,
        but: `has ${memberCount(data)}`,
      };
    case "uniqueItems":
      return { must: "not repeat an entry", but: `its entries ${repeatOf(params)} are equal` };
    case "contains":
      return brokenContains(violation);
    default:
      return undefined;
  }
}

function brokenType({ params, data, parentSchema }: Violation): BrokenRule {
  const types: readonly unknown[] = Array.isArray(params["type"]) ? params["type"] : [params["type"]];
  // Where a number is wanted and a fraction is sent, the number itself says what is wrong.
  const found = typeof data === "number" && types.includes("integer") ? String(data) : foundWords(data);
  return { must: `be ${typeWords(types)}`, but: `is ${found}`, hint: typeHint(types, data, parentSchema) };
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** How to send the value so that it has the type, for the mistakes that are made most. */
function typeHint(types: readonly unknown[], data: unknown, schema: Violation["parentSchema"]): string | undefined {
  if (typeof data === "string") {
    const isInteger = /^-?\d+$/.test(data);
    if (
      data.length <= 40 &&
      JSON_NUMBER.test(data) &&
      (types.includes("number") || (isInteger && types.includes("integer")))
    ) {
      const value = Number(data);
      return `Send ${Number.isSafeInteger(value) || !isInteger ? value : data} without quotes.`;
    }
    if (types.includes("boolean") && (data === "true" || data === "false")) return `Send ${data} without quotes.`;
    if (types.includes("null") && data === "null") return "Send null without quotes.";
    const opening = data.trimStart()[0];
    if ((opening === "{" && types.includes("object")) || (opening === "[" && types.includes("array"))) {
      return `Send the ${opening === "{" ? "object" : "array"} itself, not its JSON in a string.`;
    }
  }
  const example = formatExample(schema?.["format"]);
  if (types.includes("string") && example !== undefined) return `Send ${formatWords(String(schema?.["format"]))}.`;
  if (isTooLarge(data)) return types.includes("string") ? "Send its digits in quotes." : "Send a smaller one.";
  if (types.includes("string") && (typeof data === "number" || typeof data === "boolean"))
    return `Send "${data}" in quotes.`;
  if (types.includes("boolean") && (data === 0 || data === 1)) return `Send ${data === 1} instead of ${data}.`;
  if (types.includes("array") && data !== null && !Array.isArray(data))
    return "Send it in brackets, [ ], even if there is only one.";
  return undefined;
}

function brokenEnum({ schema, data }: Violation): BrokenRule {
  const values: readonly unknown[] = Array.isArray(schema) ? schema : [];
  return { must: `be ${valueList(values)}`, but: `is ${foundWords(data)}`, hint: nearestHint(values, data) };
}

/** The allowed values: `"EUR" or "USD"`. */
export function valueList(values: readonly unknown[]): string {
  return listed(values.map(valueText), "or");
}

/** `Did you mean "EUR"?`, also when only the quotes are missing or too many. */
function nearestHint(values: readonly unknown[], data: unknown): string | undefined {
  const same = values.find((value) => typeof value !== typeof data && scalarText(value) === scalarText(data));
  if (same !== undefined && scalarText(data) !== undefined) {
    return `Send ${valueText(same)} ${typeof same === "string" ? "in" : "without"} quotes.`;
  }
  if (typeof data !== "string") return undefined;
  const near = nearestName(
    data,
    values.filter((value) => typeof value === "string"),
  );
  return near === undefined ? undefined : `Did you mean ${quoted(near)}?`;
}

/** What a scalar looks like without quotes. */
function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "object" ? undefined : JSON.stringify(value);
}

function brokenPattern({ params, data, parentSchema }: Violation): BrokenRule {
  const examples: unknown = parentSchema?.["examples"];
  const example: unknown = Array.isArray(examples) ? examples[0] : undefined;
  return {
    must: `match the pattern ${escapeUnsafe(String(params["pattern"]))}`,
    but: `is ${foundWords(data)}`,
    hint: typeof example === "string" ? `An example: ${quoted(example)}.` : undefined,
  };
}

function brokenLength({ keyword, data }: Violation, limit: number): BrokenRule {
  if (data === "" && limit === 1) return { must: "not be empty" };
  const text = String(data);
  // Unicode code points, as JSON Schema counts them.
  const length = Array.from(text).length;
  const found = text.length <= 80 ? `: ${quoted(text)}` : "";
  return {
    must: `have ${bound(keyword, limit)} ${limit === 1 ? "character" : "characters"}`,
    but: `has ${length}${found}`,
  };
}

function brokenContains({ params, parentSchema }: Violation): BrokenRule {
  const wanted = schemaWords(parentSchema?.["contains"]);
  const entries = wanted === undefined ? "of the kind that the schema asks for" : `that ${wanted}`;
  const { minContains: min, maxContains: max } = params;
  if (typeof max !== "number") {
    return { must: `contain at least ${counted(Number(min), "entry", "entries")} ${entries}`, but: "has too few" };
  }
  return { must: `contain ${String(min)} to ${counted(max, "entry", "entries")} ${entries}`, but: "does not" };
}

/** What a small schema asks for, after "that": `is a string`, `is "page"`. */
export function schemaWords(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if ("const" in schema) return `is ${valueText(schema.const)}`;
  if ("enum" in schema && Array.isArray(schema.enum)) return `is ${valueList(schema.enum)}`;
  if ("pattern" in schema && typeof schema.pattern === "string")
    return `matches the pattern ${escapeUnsafe(schema.pattern)}`;
  if ("format" in schema && typeof schema.format === "string") return `is ${formatWords(schema.format)}`;
  if ("type" in schema) return `is ${typeWords(schema.type)}`;
  return undefined;
}

function bound(keyword: string, limit: number): string {
  return `at ${keyword.startsWith("min") ? "least" : "most"} ${limit}`;
}

/** Ajv calls the number of allowed entries `limit` or `len`. */
function entryLimit(params: Violation["params"]): number {
  return Number(params["limit"] ?? params["len"] ?? 0);
}

function lengthOf(data: unknown): string {
  const length = Array.isArray(data) ? data.length : 0;
  return length === 0 ? "none" : String(length);
}

function memberCount(data: unknown): string {
  const count = typeof data === "object" && data !== null ? Object.keys(data).length : 0;
  return count === 0 ? "none" : String(count);
}

function repeatOf(params: Violation["params"]): string {
  return Array.isArray(params["repeat"]) ? params["repeat"].join(" and ") : "";
}
