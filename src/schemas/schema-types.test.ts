import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { compileSchemas } from "./registry.ts";
import type { SchemaFile } from "./schema-files.ts";
import { addDocument, type DocumentTable, noteReferences } from "./schema-references.ts";
import { schemaTypes } from "./schema-types.ts";

const tsc = path.join(import.meta.dirname, "../../node_modules/typescript/bin/tsc");

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

/** What the compiler says of files with such texts; empty when it has nothing to say. */
async function compilerSays(texts: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-types-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(path.join(folder, "src"));
  for (const [name, text] of Object.entries(texts)) await writeFile(path.join(folder, "src", name), text);
  const compilerOptions = { strict: true, noEmit: true, target: "es2024", module: "nodenext", types: [] };
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }));
  try {
    await promisify(execFile)(process.execPath, [tsc, "-p", folder]);
    return "";
  } catch (error) {
    return String((error as { stdout?: unknown }).stdout);
  }
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

test("what a schema refuses for its type is a mistake for the compiler, and what it accepts is none", async () => {
  const cases: Record<string, { schema: SchemaFile["document"]; accepted: unknown[]; refused: unknown[] }> = {
    object: {
      schema: {
        type: "object",
        required: ["id"],
        properties: {
          id: { type: "integer" },
          at: { type: ["string", "null"], format: "date-time" },
          tags: { type: "array", items: { enum: ["a", "b"] } },
        },
        additionalProperties: false,
      },
      accepted: [
        { id: 1 },
        { id: 1, at: null, tags: ["a", "b", "a"] },
        { id: 2, at: "2026-01-01T00:00:00Z", tags: [] },
      ],
      refused: [{}, { id: "1" }, { id: 1, extra: true }, { id: 1, tags: ["c"] }, "text", null],
    },
    map: {
      schema: { type: "object", properties: { a: { type: "string" } }, additionalProperties: { type: "number" } },
      accepted: [{}, { a: "x" }, { a: "x", b: 1 }, { b: 1 }],
      refused: [{ a: 1 }, { b: true }, []],
    },
    tuple: {
      schema: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], minItems: 1, items: false },
      accepted: [["a"], ["a", 1]],
      refused: [[], [1], ["a", 1, 2]],
    },
    union: {
      schema: {
        oneOf: [
          {
            type: "object",
            required: ["kind", "radius"],
            properties: { kind: { const: "circle" }, radius: { type: "number" } },
          },
          {
            type: "object",
            required: ["kind", "side"],
            properties: { kind: { const: "square" }, side: { type: "number" } },
          },
        ],
      },
      accepted: [
        { kind: "circle", radius: 1 },
        { kind: "square", side: 2 },
      ],
      refused: [{ kind: "circle" }, { kind: "oval", side: 1 }],
    },
    both: {
      schema: {
        allOf: [{ $ref: "#/$defs/base" }, { type: "object", required: ["b"], properties: { b: { type: "boolean" } } }],
        $defs: {
          base: {
            type: "object",
            required: ["a"],
            properties: { a: { type: "string" }, next: { $ref: "#/$defs/base" } },
          },
        },
      },
      accepted: [
        { a: "", b: true },
        { a: "", b: true, next: { a: "", next: { a: "" } } },
      ],
      refused: [{ a: "" }, { b: true }, { a: "", b: true, next: {} }],
    },
  };
  const files = Object.entries(cases).map(([name, { schema }]) => file(name, schema));
  const registry = await compileSchemas({ dir: "schemas", expose: true }, { files, problems: [] });
  const lines = ['import type { MillraceEvents } from "./events.js";'];
  for (const [name, { accepted, refused }] of Object.entries(cases)) {
    for (const value of [...accepted, ...refused]) {
      const isAccepted = accepted.includes(value);
      expect(registry.validate(name, undefined, value).kind, JSON.stringify(value)).toBe(
        isAccepted ? "valid" : "invalid",
      );
      if (!isAccepted) lines.push("// @ts-expect-error");
      lines.push(`((_: MillraceEvents[${JSON.stringify(name)}]) => 0)(${JSON.stringify(value)});`);
    }
  }
  expect(await compilerSays({ "events.ts": schemaTypes(files), "values.ts": `${lines.join("\n")}\n` })).toBe("");
});

const names = fc.oneof(
  fc.constantFrom("a", "b", "odd name", "constructor", "__proto__", "1", "*/", "ünï", ""),
  fc.string({ maxLength: 6, unit: "binary" }),
);
const text = fc.oneof(fc.constantFrom("*/ } /*", "`${1}`", "//", "\\", "two\nlines"), fc.string({ unit: "binary" }));

const { schema: anySchema } = fc.letrec<{ schema: SchemaFile["document"] }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<SchemaFile["document"]>(
      true,
      { type: "null" },
      { $ref: "#/$defs/a" },
      { $ref: "#" },
      { $ref: "#/$defs/b" },
    ),
    fc.record({
      type: fc.constantFrom("string", "number", "integer", "boolean", "object", "array"),
      description: text,
    }),
    fc.record({ const: fc.jsonValue() }),
    fc.record({
      enum: fc.uniqueArray(fc.oneof(text, fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 4 }),
    }),
    fc.record(
      {
        type: fc.constantFrom("object", ["object", "null"]),
        properties: fc.dictionary(names, tie("schema"), { maxKeys: 4 }),
        required: fc.uniqueArray(names, { maxLength: 2 }),
        additionalProperties: tie("schema"),
        patternProperties: fc.dictionary(fc.constantFrom("^a", "b$"), tie("schema")),
        title: text,
      },
      { requiredKeys: ["type"] },
    ),
    fc.record(
      {
        type: fc.constant("array"),
        items: tie("schema"),
        prefixItems: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }),
        minItems: fc.nat(3),
      },
      { requiredKeys: ["type"] },
    ),
    fc.record(
      Object.fromEntries(
        ["allOf", "anyOf", "oneOf"].map((name) => [name, fc.array(tie("schema"), { minLength: 1, maxLength: 3 })]),
      ),
      { requiredKeys: [] },
    ),
  ),
}));

test("whatever the schemas, the file compiles", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const documents = fc.sample(fc.record({ name: names, root: anySchema, a: anySchema, b: anySchema }), {
    numRuns: 250,
    seed,
  });
  const texts: Record<string, string> = {};
  for (const [index, { name, root, a, b }] of documents.entries()) {
    const document = { ...(typeof root === "object" ? root : {}), $defs: { a, b } };
    const known: DocumentTable = new Map();
    noteReferences(known, addDocument(known, "file:///e.json", document), document);
    texts[`events-${index}.ts`] = schemaTypes([{ ...file("e", document), type: `${name}.happened` }]);
  }
  const complaints = await compilerSays(texts);
  const first = /events-\d+\.ts/.exec(complaints)?.[0] ?? "";
  expect(complaints, `seed ${seed}, ${first}:\n${texts[first]}`).toBe("");
});
