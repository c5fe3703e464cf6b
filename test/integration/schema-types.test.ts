import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { compileSchemas } from "../../src/schemas/registry.ts";
import type { SchemaFile } from "../../src/schemas/schema-files.ts";
import { addDocument, type DocumentTable, noteReferences } from "../../src/schemas/schema-references.ts";
import { schemaTypes } from "../../src/schemas/schema-types.ts";

const tsc = path.join(import.meta.dirname, "../../node_modules/typescript/bin/tsc");

function file(type: string, document: SchemaFile["document"]): SchemaFile {
  return { path: `${type}.json`, type, version: undefined, text: "", document };
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
    texts[`events-${index}.ts`] = schemaTypes([file(`${name}.happened`, document)]);
  }
  const complaints = await compilerSays(texts);
  const first = /events-\d+\.ts/.exec(complaints)?.[0] ?? "";
  expect(complaints, `seed ${seed}, ${first}:\n${texts[first]}`).toBe("");
});
