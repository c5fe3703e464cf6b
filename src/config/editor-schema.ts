import type { z } from "zod";
import { toJsonSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";

const VARIABLE: JsonSchema = { $ref: "#/$defs/variable" };

/**
 * The JSON Schema (draft 2020-12) by which an editor completes and checks a
 * configuration file. It is wider than the schema in one thing: `${NAME}` may stand for
 * any single value, since the editor cannot know what the variable will hold.
 */
export function editorSchema(schema: z.ZodType, title: string): Readonly<Record<string, unknown>> {
  const { properties, ...root } = toJsonSchema(schema);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    ...root,
    properties: {
      $schema: {
        type: "string",
        description: "The address of this schema; for editors, and not read by the collector.",
      },
      ...mapMembers(properties, withVariables),
    },
    $defs: {
      variable: {
        description: "A value with environment variables: ${NAME} or ${NAME:-default}.",
        type: "string",
        pattern: "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}",
      },
    },
  };
}

function withVariables(schema: JsonSchema): JsonSchema {
  if (schema.type === "object") {
    const { properties, additionalProperties } = schema;
    return {
      ...schema,
      ...(properties && { properties: mapMembers(properties, withVariables) }),
      ...(typeof additionalProperties === "object" && { additionalProperties: withVariables(additionalProperties) }),
    };
  }
  if (schema.type === "array") return { ...schema, ...(schema.items && { items: withVariables(schema.items) }) };
  // Branches are told apart by their constants, so those are left as they are.
  if (schema.oneOf !== undefined) return { ...schema, oneOf: schema.oneOf.map(withVariables) };
  if (schema.const !== undefined || isFreeText(schema)) return schema;
  const { title, description, default: fallback, anyOf, ...rest } = schema;
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    anyOf: [...(anyOf ?? [rest]).map((branch) => (isComposite(branch) ? withVariables(branch) : branch)), VARIABLE],
  };
}

function isFreeText(schema: JsonSchema): boolean {
  return schema.type === "string" && !schema.pattern && !schema.enum && !schema.format && !schema.maxLength;
}

function isComposite(schema: JsonSchema): boolean {
  return schema.type === "object" || schema.type === "array";
}

function mapMembers(
  members: Readonly<Record<string, JsonSchema>> = {},
  map: (member: JsonSchema) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(members).map(([key, member]) => [key, map(member)]));
}
