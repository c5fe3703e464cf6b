import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pointerSegments, valueAt } from "./event-pointer.ts";
import { explainViolations } from "./problem-words.ts";
import { SchemaCompiler } from "./schema-compiler.ts";
import { VALIDATION_CODES } from "./validation-codes.ts";

/** Few names and values, so that data often almost fits. */
const name = fc.constantFrom("a", "b", "ab", "a/b", "~", "", "0");
/** Within `not` Ajv takes a missing member with the empty name for one that is there, and is wrong. */
const demandedName = name.filter((each) => each !== "");
const scalar = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, -1, 1.5, "", "a", "b", "1"),
  fc.string({ maxLength: 4 }),
);

const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(name, tie("json"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

const typeName = fc.constantFrom("string", "number", "integer", "boolean", "null", "array", "object");
const small = fc.integer({ min: 0, max: 3 });

const { schema } = fc.letrec<{ schema: unknown; part: unknown }>((tie) => {
  const part = tie("part");
  const branches = fc.array(part, { minLength: 1, maxLength: 3 });
  const keyword = fc.oneof(
    fc.record({ type: fc.oneof(typeName, fc.uniqueArray(typeName, { minLength: 1, maxLength: 3 })) }),
    fc.record({ enum: fc.array(json, { minLength: 1, maxLength: 3 }) }),
    fc.record({ const: json }),
    fc.record({ properties: fc.dictionary(name, part, { maxKeys: 3, noNullPrototype: true }) }),
    fc.record({ required: fc.uniqueArray(demandedName, { maxLength: 2 }) }),
    fc.record({ additionalProperties: part }),
    fc.record({ unevaluatedProperties: part }),
    fc.record({ propertyNames: fc.record({ maxLength: small }) }),
    fc.record({
      dependentRequired: fc.dictionary(name, fc.uniqueArray(demandedName, { maxLength: 2 }), {
        maxKeys: 2,
        noNullPrototype: true,
      }),
    }),
    fc.record({ minProperties: small }),
    fc.record({ items: part }),
    fc.record({ prefixItems: branches }),
    fc.record({ contains: part }),
    fc.record({ contains: part, maxContains: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ unevaluatedItems: part }),
    fc.record({ uniqueItems: fc.boolean() }),
    fc.record({ maxItems: small }),
    fc.record({ minLength: small }),
    fc.record({ maximum: small }),
    fc.record({ multipleOf: fc.constantFrom(1, 2, 0.5) }),
    fc.record({ pattern: fc.constantFrom("^a", "b$") }),
    fc.record({ format: fc.constantFrom("date", "email") }),
    fc.record({ anyOf: branches }),
    fc.record({ oneOf: branches }),
    fc.record({ allOf: branches }),
    fc.record({ not: part }),
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    fc.record({ if: part, then: part, else: part }),
    fc.constant({ $ref: "#/$defs/shared" }),
  );
  const merged = fc.array(keyword, { maxLength: 3 }).map((parts): unknown => Object.assign({}, ...parts));
  return { schema: merged, part: fc.oneof({ maxDepth: 3 }, fc.constantFrom(true, false, {}), merged) };
});

test("the verdict is Ajv's own, and every problem has a known code and a pointer into the event", () => {
  fc.assert(
    fc.property(schema, json, fc.array(json, { maxLength: 4 }), (generated, shared, list) => {
      const document = { ...Object(generated), $defs: { shared: { enum: [shared, "a", 1] } } };
      const file = { path: "a.json", type: "a", version: undefined, text: "", document };
      const compiler = new SchemaCompiler([file]);
      const problems = compiler.add(file);
      // What no data can fit, or what Ajv would ignore, is refused when it is loaded.
      fc.pre(problems.length === 0);
      const compiled = compiler.compile(file);
      fc.pre(typeof compiled !== "string");
      const expected = addFormats.default(new Ajv2020({ strict: false, allErrors: true })).compile(document);
      for (const data of [shared, ...list]) {
        const valid = compiled.check(data);
        expect(valid).toBe(expected(data));
        const words = explainViolations(compiled.explain(data) ?? []);
        expect(words.length > 0).toBe(!valid);
        expect(words.length).toBeLessThanOrEqual(20);
        for (const problem of words) {
          expect(VALIDATION_CODES).toHaveProperty(problem.code);
          expect(problem.message).not.toMatch(/undefined|\[object|NaN|something else/);
          expectPlace({ data }, problem.pointer);
        }
      }
    }),
    { numRuns: 100 },
  );
});

/** The pointer leads to a value, or to a missing member of one that is there. */
function expectPlace(event: unknown, pointer: string): void {
  const segments = pointerSegments(pointer);
  const parent = pointer.slice(0, pointer.lastIndexOf("/"));
  expect(segments.length).toBeGreaterThan(0);
  expect(parent === "" ? event : valueAt(event, parent)).toBeTypeOf("object");
}
