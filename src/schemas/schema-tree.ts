import { memberPointer } from "./event-pointer.ts";

const ONE_SCHEMA = [
  "additionalProperties",
  "items",
  "contains",
  "not",
  "if",
  "then",
  "else",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
  "contentSchema",
];
const NAMED_SCHEMAS = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
const LISTED_SCHEMAS = ["allOf", "anyOf", "oneOf", "prefixItems"];

/** The keywords of JSON Schema 2020-12 that hold further schemas. */
export const SUBSCHEMA_KEYWORDS: readonly string[] = [...ONE_SCHEMA, ...NAMED_SCHEMAS, ...LISTED_SCHEMAS];

const DESCENDING = new Set([...SUBSCHEMA_KEYWORDS, "$ref", "$dynamicRef"]);

export type SchemaObject = Readonly<Record<string, unknown>>;

/** Calls back for every schema object in a document, outermost first, with its JSON Pointer. */
export function visitSchemas(document: unknown, look: (schema: SchemaObject, pointer: string) => void): void {
  visit(document, "", look);
}

function visit(schema: unknown, pointer: string, look: (schema: SchemaObject, pointer: string) => void): void {
  if (!isObject(schema)) return;
  look(schema, pointer);
  for (const keyword of ONE_SCHEMA) visit(schema[keyword], `${pointer}/${keyword}`, look);
  for (const keyword of NAMED_SCHEMAS) {
    for (const [name, member] of Object.entries(objectAt(schema, keyword))) {
      visit(member, memberPointer(`${pointer}/${keyword}`, name), look);
    }
  }
  for (const keyword of LISTED_SCHEMAS) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    for (const [index, member] of list.entries()) visit(member, `${pointer}/${keyword}/${index}`, look);
  }
}

/** The object under a keyword; an empty one when there is none. */
export function objectAt(schema: SchemaObject, keyword: string): SchemaObject {
  const value = schema[keyword];
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The members of a `properties`, told apart by whether their schemas look at anything but the value itself. */
export function splitMembers(properties: SchemaObject): { plain: SchemaObject; descending: SchemaObject } {
  const members = Object.entries(properties);
  return {
    plain: Object.fromEntries(members.filter(([, schema]) => !descends(schema))),
    descending: Object.fromEntries(members.filter(([, schema]) => descends(schema))),
  };
}

function descends(schema: unknown): boolean {
  return isObject(schema) && Object.keys(schema).some((keyword) => DESCENDING.has(keyword));
}
