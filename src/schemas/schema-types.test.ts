import { describe, expect, test } from "vitest";
import { compileSchemas } from "./registry.ts";
import type { SchemaFile } from "./schema-files.ts";
import { schemaTypes } from "./schema-types.ts";

function file(name: string, document: SchemaFile["document"]): SchemaFile {
  const [type, version] = name.split("/");
  return { path: `${name}.json`, type: name.startsWith("_") ? undefined : type, version, text: "", document };
}

async function typesOf(...files: SchemaFile[]): Promise<string> {
  await compileSchemas({ dir: "schemas", expose: true }, { files, problems: [] });
  return schemaTypes(files);
}

/** The type of one schema's data, without what is around it. */
async function typeOf(document: SchemaFile["document"]): Promise<string> {
  const text = await typesOf(file("e", document));
  return text.slice(text.indexOf("  e: ") + 5, text.lastIndexOf(";\n}\n")).replaceAll(/\s+/g, " ");
}

describe("a schema of", () => {
  test.each<[string, SchemaFile["document"], string]>([
    ["anything", true, "unknown"],
    ["nothing", false, "never"],
    ["an integer", { type: "integer", minimum: 1 }, "number"],
    ["a string or null", { type: ["string", "null"] }, "string | null"],
    ["a date", { type: "string", format: "date-time" }, "string"],
    ["some values", { enum: ["a", 1, null, true, { a: [] }] }, '"a" | 1 | null | true | { a: readonly [] }'],
    ["one value", { const: 'it\'s "so"' }, '"it\'s \\"so\\""'],
    ["words", { type: "array", items: { type: "string" } }, "readonly string[]"],
    ["lists", { type: "array", items: { type: "array" } }, "ReadonlyArray<readonly unknown[]>"],
    [
      "a tuple",
      { type: "array", prefixItems: [{ type: "string" }, { type: ["number", "null"] }], minItems: 1, items: false },
      "readonly [string, (number | null)?]",
    ],
    [
      "a tuple with more",
      { prefixItems: [{ type: "string" }], items: { type: "number" } },
      "readonly [string?, ...number[]]",
    ],
    [
      "an object",
      { type: "object", required: ["a", "c"], properties: { a: { type: "string" }, "b-b": true } },
      '{ a: string; "b-b"?: unknown; c: unknown; }',
    ],
    ["an object of which nothing is said", { type: "object" }, "{ [name: string]: unknown }"],
    ["an empty object", { type: "object", additionalProperties: false }, "{ [name: string]: never }"],
    [
      "a map",
      { type: "object", properties: { a: { type: "string" } }, additionalProperties: { type: "number" } },
      "{ a?: string; [name: string]: number | string | undefined; }",
    ],
    [
      "names by pattern",
      { type: "object", patternProperties: { "^x": { type: "number" } }, additionalProperties: false },
      "{ [name: string]: number; }",
    ],
    [
      "one of several",
      { oneOf: [{ type: "string" }, { type: "object", properties: { a: true } }] },
      "string | { a?: unknown; }",
    ],
    [
      "an object with one of two properties",
      { type: "object", properties: { a: { type: "string" } }, anyOf: [{ required: ["a"] }, { required: ["b"] }] },
      "{ a?: string; } & ({ a: unknown; } | { b: unknown; })",
    ],
    ["what a type cannot say", { not: { type: "string" } }, "unknown /* not */"],
  ])("%s", async (_name, document, expected) => {
    expect(await typeOf(document)).toBe(expected);
  });
});

test("references become types with names, also across files and in circles", async () => {
  const node = {
    type: "object",
    properties: { children: { type: "array", items: { $ref: "#/$defs/node" } }, owner: { $ref: "_shared/user.json" } },
  };
  const text = await typesOf(
    file("tree.grown", { $ref: "#/$defs/node", $defs: { node } }),
    file("user.left", {
      type: "object",
      properties: { by: { $ref: "_shared/user.json" }, at: { $ref: "#/$defs/node" } },
      $defs: { node: { type: "string", description: "Where." } },
    }),
    file("_shared/user", { title: "A user", type: "object", required: ["id"], properties: { id: { type: "string" } } }),
  );
  expect(text)
    .toBe(`// Made from the JSON Schemas of events by \`millrace schema types\`. Changes here are lost: change the schemas.

/** The data of each event type. */
export interface MillraceEvents {
  "tree.grown": TreeGrownNode;

  "user.left": {
    by?: User;
    at?: UserLeftNode;
  };
}

export type TreeGrownNode = {
  children?: readonly TreeGrownNode[];
  owner?: User;
};

/** A user */
export type User = {
  id: string;
};

/** Where. */
export type UserLeftNode = string;
`);
});

test("a type with versions has the one for events that name none", async () => {
  const versions = ["1", "2", "10"].map((version) => file(`paid/${version}`, { const: version }));
  expect(await typesOf(...versions)).toContain('  paid: "10";\n');
  expect(await typesOf(file("paid", { const: "none" }), ...versions)).toContain('  paid: "none";\n');
});

test("the order of the files makes no difference", async () => {
  const files = [file("b", { $ref: "#/$defs/x", $defs: { x: { type: "string" } } }), file("a", true), file("B", true)];
  expect(await typesOf(...files)).toBe(await typesOf(...files.toReversed()));
});

test("a description is a comment that it cannot end", async () => {
  const text = await typesOf(file("e", { description: "One */ evil()\nTwo\u001b[31m", deprecated: true }));
  expect(text).toContain("  /**\n   * One *\\/ evil()\n   * Two [31m\n   * @deprecated\n   */\n  e: unknown;");
});
