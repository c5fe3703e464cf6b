import { byteSize } from "../core/config-fields.ts";
import { branchesOf, toJsonSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";

// A size has no mark of its own in JSON Schema; it is known by its form.
const SIZE_FORM = JSON.stringify(toJsonSchema(byteSize({ min: 0 })).anyOf);

/** What a value must be, in words: `a whole number from 1 to 500`. The same in problems and in the documentation. */
export function describeType(schema: JsonSchema): string {
  if (isSize(schema)) return "a size such as 64MiB";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return anyOf(schema.enum.map((value) => JSON.stringify(value)));
  const branches = branchesOf(schema);
  if (branches.length > 1 || branches[0] !== schema) return anyOf([...new Set(branches.map(describeType))]);
  switch (schema.type) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      return schema.format === "uri" ? "a URL" : `text${atLeast(schema.minLength, "character")}`;
    case "array":
      return `a list${schema.items === undefined ? "" : ` of ${plural(schema.items)}`}${atLeast(schema.minItems, "item")}`;
    case "object":
      return schema.properties === undefined ? "a mapping of names to values" : "a section with keys of its own";
    case "null":
      return "nothing";
    case undefined:
    default:
      return "any value";
  }
}

export function isSize(schema: JsonSchema): boolean {
  return schema.anyOf !== undefined && JSON.stringify(schema.anyOf) === SIZE_FORM;
}

/** True where `1` and `true` can only be meant as text. */
export function takesOnlyText(schema: JsonSchema): boolean {
  return branchesOf(schema).every(
    (branch) => branch.type === "string" || [branch.const, ...(branch.enum ?? [])].some(isText),
  );
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function plural(items: JsonSchema): string {
  const branches = branchesOf(items);
  if (branches.every((branch) => branch.type === "object")) return "sections";
  if (branches.every((branch) => branch.type === "string" && branch.enum === undefined)) return "texts";
  return describeType(items);
}

function range(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  const bounds = [
    minimum === undefined ? [] : [`of at least ${minimum}`],
    exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`],
    maximum === undefined ? [] : [`of at most ${maximum}`],
    exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`],
  ].flat();
  return bounds.length === 0 ? "" : ` ${bounds.join(" and ").replace(" and of ", " and ")}`;
}

function atLeast(minimum: number | undefined, unit: string): string {
  if (minimum === undefined || minimum === 0) return "";
  return `, at least ${minimum} ${unit}${minimum === 1 ? "" : "s"}`;
}

function anyOf(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
