import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test, vi } from "vitest";
import type { Verdict } from "../core/validation.ts";
import { CompiledSchema } from "./compiled-schema.ts";
import { loadSchemas, type SchemaRegistry } from "./registry.ts";

/** Loads schema files, given by path; a string is written as it is. */
async function load(files: Record<string, unknown>, expose = true): Promise<SchemaRegistry> {
  const dir = await mkdtemp(join(tmpdir(), "millrace-schemas-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), typeof content === "string" ? content : JSON.stringify(content));
    }
    return await loadSchemas({ dir, expose });
  } finally {
    await rm(dir, { recursive: true });
  }
}

function messages(verdict: Verdict): string[] {
  return verdict.kind === "valid" ? [] : verdict.problems.map(({ message }) => message);
}

const operand = (...names: string[]) => ({
  type: "object",
  properties: { a: { $ref: "#" } },
  required: ["a", ...names],
});
const needs = (name: string) => ({ type: "object", required: [name] });

test("the examples of the quickstart load, and accept what they describe", async () => {
  const registry = await loadSchemas({
    dir: join(import.meta.dirname, "../../examples/quickstart/schemas"),
    expose: true,
  });
  expect(registry.types()).toEqual(["checkout.paid", "page.viewed"]);
  const paid = { order_id: "1042", total: 24.5, currency: "EUR", items: [{ sku: "mug", price: 12.25, quantity: 2 }] };
  expect(registry.validate("checkout.paid", undefined, paid)).toEqual({ kind: "valid" });
  expect(registry.validate("checkout.paid", undefined, { ...paid, total: "24.50" })).toEqual({
    kind: "invalid",
    problems: [
      {
        code: "type",
        pointer: "/data/total",
        message:
          '"total" must be a number, but is the string "24.50". Send 24.5 without quotes. The schema says: What the customer paid, tax and shipping included.',
        expected: "a number",
        found: 'the string "24.50"',
        schema: "/v1/schemas/checkout.paid",
      },
    ],
  });
});

test("without schemas, or for a type without one, the type is unknown", async () => {
  expect((await loadSchemas({ expose: true })).validate("a", undefined, {}).kind).toBe("unknown_type");
  const registry = await load({ "checkout.paid.json": true });
  expect(registry.validate("toString", undefined, {}).kind).toBe("unknown_type");
  expect(messages(registry.validate("checkout_paid", undefined, {}))).toEqual([
    'There is no schema for the type "checkout_paid"; did you mean "checkout.paid"?',
  ]);
});

test("the version is the one named, else the unversioned one, else the highest", async () => {
  const versions = { "a/2.json": needs("two"), "a/10.json": needs("ten"), "a/1-0-2.json": needs("one") };
  const registry = await load(versions);
  expect(registry.versions("a")).toEqual(["1-0-2", "2", "10"]);
  const required = (dataschema?: string) => messages(registry.validate("a", dataschema, {}))[0];
  expect(required()).toContain('"ten"');
  for (const name of ["2", "a/2", "https://millrace.example/v1/schemas/a/2?x=1", "/schemas/a/2.json"]) {
    expect(required(name)).toContain('"two"');
  }
  // Not ours: it says nothing about the version here.
  expect(required("https://elsewhere.example/b/2")).toContain('"ten"');
  expect(required("3")).toBe('"a" has no schema version "3"; it has "1-0-2", "2" and "10".');
  expect(registry.source("a", "2")).toBe(JSON.stringify(needs("two")));
  expect(registry.source("a", "3")).toBeUndefined();

  const unversioned = await load({ ...versions, "a.json": needs("plain") });
  expect(messages(unversioned.validate("a", undefined, {}))[0]).toContain('"plain"');
  expect(unversioned.source("a")).toBe(JSON.stringify(needs("plain")));
});

test("an Iglu URI names a version of the type, where the type has versions", async () => {
  const registry = await load({ "a/1-0-0.json": needs("one"), "a/2-0-0.json": needs("two"), "b.json": needs("b") });
  const verdict = (type: string, dataschema: string, data: unknown) => registry.validate(type, dataschema, data).kind;
  expect(verdict("a", "iglu:com.acme/a/jsonschema/1-0-0", { one: 1 })).toBe("valid");
  expect(verdict("a", "iglu:com.acme/a/jsonschema/2-0-0", { one: 1 })).toBe("invalid");
  expect(messages(registry.validate("a", "iglu:com.acme/a/jsonschema/3-0-0", { two: 1 }))).toEqual([
    '"a" has no schema version "3-0-0"; it has "1-0-0" and "2-0-0".',
  ]);
  expect(verdict("b", "iglu:com.acme/b/jsonschema/1-0-0", { b: 1 })).toBe("valid");
  expect(verdict("b", "iglu:com.acme/b/jsonschema/1-0-0", {})).toBe("invalid");
});

test("an event whose type has a schema must have data", async () => {
  const registry = await load({ "a.json": needs("x"), "b.json": { type: "object" } });
  expect(messages(registry.validate("a", undefined, undefined))).toEqual([
    '"data" is missing: events of type "a" need it.',
  ]);
  expect(messages(registry.validate("b", undefined, undefined))).toEqual([
    '"data" is missing: events of type "b" need it. Send "data": {} if there is nothing to say.',
  ]);
});

test("schemas refer to each other by file name and by $id, and shared parts are not event types", async () => {
  const registry = await load({
    "a.json": { properties: { price: { $ref: "_shared/money.json" } } },
    "b/1.json": { properties: { price: { $ref: "https://shop.example/money" } } },
    "_shared/money.json": { $id: "https://shop.example/money", ...needs("amount") },
  });
  expect(registry.types()).toEqual(["a", "b"]);
  for (const type of ["a", "b"]) {
    expect(messages(registry.validate(type, undefined, { price: {} }))).toEqual(['"price.amount" is missing.']);
  }
});

test("all bad files are listed at once, each with the reason and where it is", async () => {
  const loading = load({
    "json.json": '{\n  "type": "object",\n}',
    "short.json": '{\n"a',
    "list.json": [],
    "a/b/c.json": {},
    "a/v 1.json": {},
    "typo.json": { properties: { total: { type: "number", minimun: 0 } }, requried: ["total"] },
    "type.json": { properties: { total: { type: "numbr" } } },
    "format.json": { format: "datetime" },
    "impossible.json": { properties: { total: true }, required: ["totl"], additionalProperties: false },
    "draft.json": { $schema: "http://json-schema.org/draft-07/schema#" },
    "reference.json": { $ref: "https://elsewhere.example/money.json" },
    "pattern.json": { pattern: "(" },
    "escape.json": { $ref: "#/%zz" },
    "nested.json": `${'{"not":'.repeat(50_000)}true${"}".repeat(50_000)}`,
    "async.json": { $async: true },
    "good.json": { type: "object", "x-owner": "web", title: "Notes are fine", examples: [{}] },
  });
  const error = await loading.then(String, (reason: Error) => reason);
  expect(error).toMatchObject({ code: "schema_invalid" });
  const lines = String(error)
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
  expect(lines).toEqual([
    expect.stringMatching(/^a\/b\/c\.json: is too deep/),
    'a/v 1.json: "v 1" is not a version: use letters, digits, dots, - and _, as in 1, 2.1.0 or 1-0-2',
    expect.stringMatching(/^json\.json:3: not JSON: .*double-quoted property name/),
    "list.json: a schema is a JSON object, or true or false",
    expect.stringMatching(/^short\.json:2: not JSON: Unterminated string/),
    'async.json: unknown keyword "$async"; a note of your own begins with x-',
    'draft.json: "$schema" names "http://json-schema.org/draft-07/schema#"; schemas here are of https://json-schema.org/draft/2020-12/schema',
    'format.json: unknown format "datetime"; did you mean "date-time"?',
    'impossible.json: "totl" is required, but "properties" does not have it and nothing else is allowed; did you mean "total"?',
    "nested.json: is nested too deeply",
    'type.json: at /properties/total/type: "properties.total.type" must be "array", "boolean", "integer", "null", "number", "object", "string" or an array, but is the string "numbr".',
    'typo.json: unknown keyword "requried"; did you mean "required"?',
    'typo.json: at /properties/total: unknown keyword "minimun"; did you mean "minimum"?',
    "escape.json: URI contains malformed percent-encoding.",
    "pattern.json: Invalid regular expression: /(/u: Unterminated group",
    'reference.json: "$ref" to https://elsewhere.example/money.json: no file in the schema directory has that name or "$id", and nothing is fetched',
  ]);
});

test("a directory that is not there is a schema_invalid", async () => {
  await expect(loadSchemas({ dir: "/nowhere/schemas", expose: true })).rejects.toMatchObject({
    code: "schema_invalid",
  });
});

test("names that every object inherits are plain data", async () => {
  const registry = await load({
    "own.json": { required: ["toString"], properties: { constructor: { type: "string" } } },
    "closed.json": { additionalProperties: false, properties: { a: {} } },
    "equal.json": { properties: { list: { uniqueItems: true }, one: { const: { a: 1 } }, some: { enum: [{ a: 1 }] } } },
  });
  expect(registry.validate("own", undefined, { toString: 1 })).toEqual({ kind: "valid" });
  expect(registry.validate("own", undefined, {}).kind).toBe("invalid");
  const hostile: unknown = JSON.parse('{"__proto__":1,"constructor":2}');
  expect(messages(registry.validate("closed", undefined, hostile))).toHaveLength(2);
  const unequal: unknown = JSON.parse('{"valueOf":1,"toString":2,"__proto__":null}');
  const data = { list: [unequal, unequal], one: unequal, some: unequal };
  expect(messages(registry.validate("equal", undefined, data))).toEqual([
    '"list" must not repeat an entry, but its entries 0 and 1 are equal.',
    '"one" must be {"a":1}, but is an object.',
    '"some" must be {"a":1}, but is an object.',
  ]);
});

test("an array that is too short for its prefixItems is still checked for the other rules", async () => {
  // Ajv 8.20 without `allErrors` accepts it.
  const registry = await load({ "a.json": { prefixItems: [{ type: "number" }], contains: { const: 5 } } });
  expect(registry.validate("a", undefined, []).kind).toBe("invalid");
});

test("data that is large, deep or repetitive neither takes long nor throws", async () => {
  const registry = await load({
    "wide.json": { items: { anyOf: [{ type: "string" }, { type: "null" }] } },
    "deep.json": { properties: { next: { $ref: "#" } } },
    "unique.json": { uniqueItems: true },
  });
  const wide = registry.validate(
    "wide",
    undefined,
    Array.from({ length: 100_000 }, () => 1),
  );
  expect(messages(wide)).toEqual([
    '"[0]" fits none of the forms that the schema allows.',
    'The event is large or complex, so only its first problem is shown. "data" may have more.',
  ]);
  let deep = {};
  for (let depth = 0; depth < 100_000; depth++) deep = { next: deep };
  expect(registry.validate("deep", undefined, deep)).toMatchObject({ problems: [{ code: "too_complex" }] });
  const distinct = Array.from({ length: 20_000 }, (_, index) => ({ index }));
  expect(registry.validate("unique", undefined, distinct)).toEqual({ kind: "valid" });
});

test("problems name no schema that is not served", async () => {
  const registry = await load({ "order.placed.json": needs("id") }, false);
  const verdict = registry.validate("order.placed", undefined, {});
  expect(verdict).toMatchObject({ kind: "invalid", problems: [{ code: "required" }] });
  expect(JSON.stringify(verdict)).not.toContain("/v1/schemas");
});

test("problems are put into words when they are read, and once", async () => {
  const registry = await load({ "a.json": needs("id") });
  using explain = vi.spyOn(CompiledSchema.prototype, "explain");
  const verdict = registry.validate("a", undefined, {});
  expect(explain).not.toHaveBeenCalled();
  expect(messages(verdict)).toEqual(messages(verdict));
  expect(explain).toHaveBeenCalledTimes(1);
});

test("data that a recursive schema cannot decide or explain in proportionate time is answered all the same", async () => {
  const registry = await load({
    "both.json": { oneOf: [{ type: "number" }, operand(), operand()] },
    "one.json": { anyOf: [{ type: "number" }, operand(), operand("b")] },
  });
  let deep: unknown = "leaf";
  for (let depth = 0; depth < 32; depth++) deep = { a: deep };
  expect(registry.validate("both", undefined, deep)).toMatchObject({ problems: [{ code: "too_complex" }] });
  expect(registry.validate("one", undefined, deep)).toMatchObject({
    problems: [{ code: "any_of" }, { code: "more_problems" }],
  });
});
