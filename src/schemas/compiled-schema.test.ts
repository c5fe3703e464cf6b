import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import type { CompiledSchema } from "./compiled-schema.ts";
import { SchemaCompiler } from "./schema-compiler.ts";
import { limitSteps, StepLimit, StepsExhausted } from "./step-limit.ts";
import { stopAtFirstError } from "./stop-at-first-error.ts";

function compiled(document: Record<string, unknown>): CompiledSchema {
  const file = { path: "a.json", type: "a", version: undefined, text: JSON.stringify(document), document };
  const compiler = new SchemaCompiler([file]);
  expect(compiler.add(file)).toEqual([]);
  const schema = compiler.compile(file);
  if (typeof schema === "string") throw new Error(schema);
  return schema;
}

const node = { $ref: "#/$defs/node" };
const operation = (op: string) => ({
  type: "object",
  properties: { a: node, op: { const: op } },
  required: ["op", "a"],
});
const expression = { ...node, $defs: { node: { anyOf: [{ type: "number" }, operation("not"), operation("neg")] } } };
/** Two branches that nothing tells apart before the data has been descended into. */
const operand = { type: "object", properties: { a: node }, required: ["a"] };
const twofold = { ...node, $defs: { node: { oneOf: [{ type: "number" }, operand, operand] } } };

function nested(leaf: unknown, depth = 32): unknown {
  let value = leaf;
  for (let level = 0; level < depth; level++) value = { op: level % 2 === 0 ? "not" : "neg", a: value };
  return value;
}

test("a branch that its constant rules out is not descended into: one reference a level, wherever the constant stands", () => {
  const ajv = new Ajv2020({ strict: false, validateSchema: false });
  const limit = new StepLimit();
  stopAtFirstError(ajv);
  limitSteps(ajv, limit);
  const validate = ajv.compile(expression);
  for (const leaf of [1, "one"]) {
    limit.left = 1_000;
    expect(validate(nested(leaf))).toBe(leaf === 1);
    expect(1_000 - limit.left).toBe(33);
  }
});

test("a wrong leaf of a deep tree is decided and explained in full", () => {
  const schema = compiled(expression);
  expect(schema.check(nested(1))).toBe(true);
  expect(schema.check(nested("one"))).toBe(false);
  expect(schema.explain(nested("one"))).toHaveLength(1);
});

test("what would take 2^depth steps ends when its steps are used up", () => {
  const schema = compiled(twofold);
  expect(() => schema.check(nested("one"))).toThrow(StepsExhausted);
  expect(schema.explain(nested("one"))).toBeUndefined();
  expect(schema.check(1)).toBe(true);
});

test("large data may take as many steps as it has values", () => {
  const schema = compiled({
    items: { $ref: "#/$defs/item" },
    $defs: { item: { properties: { next: { $ref: "#" } } } },
  });
  expect(schema.check(Array.from({ length: 20_000 }, () => ({})))).toBe(true);
});

test.each<[Record<string, unknown>, unknown]>([
  [{ required: ["a", ""] }, { a: 1 }],
  [{ dependentRequired: { a: ["", "b"] } }, { a: 1, b: 1 }],
  [{ prefixItems: [{ type: "number" }], contains: { const: 5 } }, []],
  [{ prefixItems: [{ type: "number" }, { type: "number" }], uniqueItems: true, minItems: 2 }, [1, 1]],
  [{ prefixItems: [true, { type: "number" }], items: false, contains: { const: 5 } }, [1]],
  [{ $dynamicAnchor: "n", properties: { a: { $dynamicRef: "#n", required: ["b"] } } }, { a: {} }],
  [{ $dynamicAnchor: "n", properties: { a: { $dynamicRef: "#n", not: { required: ["b"] } } } }, { a: { b: 1 } }],
])("an error that Ajv overlooks when it stops at the first is found: %j, %j", (document, data) => {
  expect(compiled(document).check(data)).toBe(false);
});
