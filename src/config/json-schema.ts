import { z } from "zod";
import type { ConfigPath } from "./config-problem.ts";

/** The parts of JSON Schema (draft 2020-12) that a zod schema of a configuration turns into. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** What may be written in the file, as JSON Schema: defaults are optional and sizes may have units. */
export function toJsonSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-2020-12",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      // zod bounds every integer by what a double can hold, which tells a reader nothing.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      // zod leaves the default out where the type is transformed; a list's `[]` is itself on both sides.
      if (zodSchema instanceof z.ZodDefault && jsonSchema.default === undefined) {
        const value: unknown = zodSchema.def.defaultValue;
        if (Array.isArray(value) && value.length === 0) jsonSchema.default = value;
      }
    },
  });
  const plain: JsonSchema = JSON.parse(JSON.stringify(json));
  return plain;
}

/** The branches of a union, or the schema itself. */
export function branchesOf(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? schema.oneOf ?? [schema];
}

/** The branch of a union that a list or an object is meant for: of its type, and with its `type:` or the like. */
export function branchFor(schema: JsonSchema, value: unknown): JsonSchema | undefined {
  return branchesOf(schema).find((branch) => {
    if (Array.isArray(value)) return branch.type === "array";
    if (typeof value !== "object" || value === null || branch.type !== "object") return false;
    return Object.entries(branch.properties ?? {}).every(
      ([key, member]) => member.const === undefined || member.const === childOf(value, key),
    );
  });
}

/** The schema of the value at `path`, choosing among the branches of a union by what `value` holds. */
export function schemaAt(schema: JsonSchema, value: unknown, path: ConfigPath): JsonSchema | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  const branch = branchFor(schema, value);
  if (branch === undefined) return undefined;
  const next = typeof step === "number" ? branch.items : memberOf(branch, step);
  return next === undefined ? undefined : schemaAt(next, childOf(value, step), rest);
}

/** The value one step further in, if there is one. */
export function childOf(value: unknown, step: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
  return Reflect.get(value, step);
}

function memberOf(schema: JsonSchema, key: string): JsonSchema | undefined {
  const { properties = {}, additionalProperties } = schema;
  if (Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}
