import { objectAt, type SchemaObject } from "./schema-tree.ts";
import { docComment, inlineComment } from "./type-comment.ts";
import { referenceTarget } from "./schema-references.ts";

/** Gives what a `$ref` leads to a name of its own, which the types of schemas are written with. */
export type NameOf = (target: object, reference: string) => string;

const INDENT = "  ";

/** Keywords that say what is allowed inside an object or an array, and so that it is one. */
const OF_OBJECTS = ["properties", "required", "additionalProperties", "patternProperties"];
const OF_ARRAYS = ["items", "prefixItems"];

/** Keywords that may allow properties that `properties` does not name. */
const CONDITIONAL = ["if", "dependentSchemas"];

/** Keywords that can hold a schema's whole meaning and have no counterpart among types. */
const WITHOUT_TYPE = ["$dynamicRef", "$ref", "not", "if", "dependentSchemas", "format", "pattern"];

/**
 * The TypeScript type of the values that a JSON Schema accepts.
 *
 * It is as wide as the schema or wider: what a type cannot say, such as `minimum` or `pattern`, is left to the
 * collector. In two places it is narrower, since that finds mistakes: an object may have further properties only
 * if the schema says so, and what speaks of properties is taken for an object.
 */
export function typeOfSchema(schema: unknown, nameOf: NameOf, indent = ""): string {
  if (schema === false) return "never";
  if (!isObject(schema)) return "unknown";
  const parts = [...ownParts(schema, nameOf, indent), ...combinedParts(schema, nameOf, indent)];
  if (parts.length > 0) return intersection(parts);
  const without = WITHOUT_TYPE.find((keyword) => Object.hasOwn(schema, keyword));
  return without === undefined ? "unknown" : `unknown ${inlineComment(without)}`;
}

/** What the schema says by itself. */
function ownParts(schema: SchemaObject, nameOf: NameOf, indent: string): string[] {
  if (Object.hasOwn(schema, "const")) return [literalType(schema["const"])];
  const { enum: values, type } = schema;
  if (Array.isArray(values)) return [union(values.map(literalType))];
  const types: unknown[] = Array.isArray(type) ? type : typeof type === "string" ? [type] : impliedTypes(schema);
  return types.length === 0 ? [] : [union(types.map((each) => namedType(each, schema, nameOf, indent)))];
}

function impliedTypes(schema: SchemaObject): string[] {
  const has = (keywords: readonly string[]) => keywords.some((keyword) => Object.hasOwn(schema, keyword));
  return [...(has(OF_OBJECTS) ? ["object"] : []), ...(has(OF_ARRAYS) ? ["array"] : [])];
}

function namedType(type: unknown, schema: SchemaObject, nameOf: NameOf, indent: string): string {
  switch (type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return type;
    case "integer":
      return "number";
    case "array":
      return arrayType(schema, nameOf, indent);
    case "object":
      return objectType(schema, nameOf, indent);
    default:
      return "unknown";
  }
}

function objectType(schema: SchemaObject, nameOf: NameOf, indent: string): string {
  const properties = objectAt(schema, "properties");
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"].map(String) : []);
  const inner = indent + INDENT;
  const types = new Map(Object.entries(properties).map(([name, each]) => [name, typeOfSchema(each, nameOf, inner)]));
  for (const name of required) if (!types.has(name)) types.set(name, "unknown");
  const members = [...types].map(([name, type]) => {
    const mark = required.has(name) ? "" : "?";
    return `${docComment(properties[name], inner)}${inner}${propertyName(name)}${mark}: ${type};\n`;
  });
  const further = furtherType(schema, nameOf, inner);
  if (further !== undefined) {
    // The type under an index must hold for every property, absent ones too.
    const absent = [...types.keys()].every((name) => required.has(name)) ? [] : ["undefined"];
    members.push(`${inner}[name: string]: ${union([further, ...types.values(), ...absent])};\n`);
  }
  return members.length === 0 ? emptyObjectType(schema) : `{\n${members.join("")}${indent}}`;
}

/** Without properties: an object that has none, or one of which nothing is known. */
function emptyObjectType({ additionalProperties }: SchemaObject): string {
  return `{ [name: string]: ${additionalProperties === false ? "never" : "unknown"} }`;
}

/** The type of the properties that are not named; `undefined` when there are none. */
function furtherType(schema: SchemaObject, nameOf: NameOf, indent: string): string | undefined {
  const { additionalProperties, unevaluatedProperties = false } = schema;
  const patterns = Object.values(objectAt(schema, "patternProperties"));
  if (additionalProperties === undefined) {
    const isConditional = CONDITIONAL.some((keyword) => Object.hasOwn(schema, keyword));
    return patterns.length > 0 || isConditional || unevaluatedProperties !== false ? "unknown" : undefined;
  }
  const types = additionalProperties === false ? patterns : [...patterns, additionalProperties];
  return types.length === 0 ? undefined : union(types.map((each) => typeOfSchema(each, nameOf, indent)));
}

function arrayType(schema: SchemaObject, nameOf: NameOf, indent: string): string {
  const { prefixItems, items, minItems } = schema;
  const rest = items === undefined ? "unknown" : typeOfSchema(items, nameOf, indent);
  if (!Array.isArray(prefixItems)) return items === false ? "readonly []" : listOf(rest);
  const least = typeof minItems === "number" ? minItems : 0;
  const elements = prefixItems.map((each, index) => {
    const type = typeOfSchema(each, nameOf, indent);
    return index < least ? type : isWord(type) ? `${type}?` : `(${type})?`;
  });
  // Of the ways to write a list only this one may lead back to the type that is being written.
  if (items !== false) elements.push(isWord(rest) ? `...${rest}[]` : `...(${rest})[]`);
  return `readonly [${elements.join(", ")}]`;
}

/** What further schemas say that apply to the same value. */
function combinedParts(schema: SchemaObject, nameOf: NameOf, indent: string): string[] {
  const { $ref: reference, allOf, anyOf, oneOf } = schema;
  const parts: string[] = [];
  const target = referenceTarget(schema);
  if (typeof reference === "string") {
    if (!isObject(target)) parts.push(target === false ? "never" : `unknown ${inlineComment(`$ref ${reference}`)}`);
    else if (isCircular(target)) parts.push(`unknown ${inlineComment("refers to itself")}`);
    else parts.push(nameOf(target, reference));
  }
  if (Array.isArray(allOf)) parts.push(...allOf.map((each) => typeOfSchema(each, nameOf, indent)));
  for (const list of [anyOf, oneOf]) {
    if (Array.isArray(list)) parts.push(union(list.map((each) => typeOfSchema(each, nameOf, indent))));
  }
  return parts;
}

/**
 * Whether the schema refers to itself for the same value, and not for one inside it: no type can. The compiler takes
 * the elements of arrays that are part of an intersection for the same value too.
 */
function isCircular(schema: object): boolean {
  const seen = new Set<unknown>();
  const pending: unknown[] = [schema];
  let isIntersection = false;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!isObject(next)) continue;
    const same = sameValue(next);
    // What was seen before it is looked at again with the elements.
    if (!isIntersection && hasSeveralParts(next)) {
      isIntersection = true;
      seen.clear();
      pending.push(schema);
    }
    if (isIntersection) same.push(next["items"], ...listAt(next, "prefixItems"));
    for (const each of same) {
      if (each === schema) return true;
      if (seen.has(each)) continue;
      seen.add(each);
      pending.push(each);
    }
  }
  return false;
}

function sameValue(schema: SchemaObject): unknown[] {
  return [referenceTarget(schema), ...["allOf", "anyOf", "oneOf"].flatMap((keyword) => listAt(schema, keyword))];
}

function hasSeveralParts(schema: SchemaObject): boolean {
  const own = ["type", "const", "enum", ...OF_OBJECTS, ...OF_ARRAYS].some((keyword) => Object.hasOwn(schema, keyword));
  const combined = ["$ref", "anyOf", "oneOf"].filter((keyword) => Object.hasOwn(schema, keyword));
  return Number(own) + combined.length + listAt(schema, "allOf").length > 1;
}

function listAt(schema: SchemaObject, keyword: string): unknown[] {
  const list = schema[keyword];
  return Array.isArray(list) ? list : [];
}

function literalType(value: unknown): string {
  if (Array.isArray(value)) return `readonly [${value.map(literalType).join(", ")}]`;
  if (isObject(value)) {
    const members = Object.entries(value).map(([name, each]) => `${propertyName(name)}: ${literalType(each)}`);
    return members.length === 0 ? "{ [name: string]: never }" : `{ ${members.join("; ")} }`;
  }
  // JSON can write numbers that are infinite here.
  if (typeof value === "number" && !Number.isFinite(value)) return "number";
  return JSON.stringify(value);
}

export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function union(types: readonly string[]): string {
  const different = [...new Set(types)].filter((type) => type !== "never");
  if (different.length === 0) return "never";
  if (different.includes("unknown")) return "unknown";
  return different.join(" | ");
}

function intersection(types: readonly string[]): string {
  const different = [...new Set(types)];
  // What is known of a value is not less for a part of which nothing is.
  const known = different.filter((type) => !type.startsWith("unknown"));
  if (known.length < 2) return known[0] ?? different[0] ?? "unknown";
  return known.map((type) => (type.includes(" | ") ? `(${type})` : type)).join(" & ");
}

/** A list, read-only so that constant values can be given. */
function listOf(type: string): string {
  return isWord(type) ? `readonly ${type}[]` : `ReadonlyArray<${type}>`;
}

function isWord(type: string): boolean {
  return /^[\w$]+$/.test(type);
}

function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
