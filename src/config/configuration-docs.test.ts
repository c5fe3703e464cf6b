import { expect, test } from "vitest";
import { z } from "zod";
import { Ajv2020 } from "ajv/dist/2020.js";
import { byteSize } from "../core/config-fields.ts";
import { configurationDocs } from "./configuration-docs.ts";
import { editorSchema } from "./editor-schema.ts";
import { toJsonSchema } from "./json-schema.ts";

const schema = z.strictObject({
  workers: z
    .union([z.literal("auto"), z.int().min(1)])
    .default(1)
    .describe("How many."),
  journal: z
    .strictObject({
      retainMs: z.int().min(0).default(90_000).describe("Age."),
      maxBytes: byteSize({ min: 1 })
        .prefault(8 * 1024 ** 3)
        .describe("Budget."),
      sync: z.strictObject({ onWrite: z.boolean().default(false).describe("Sync | flush.") }).prefault({}),
    })
    .prefault({})
    .describe("The log."),
  sinks: z
    .array(
      z.discriminatedUnion("type", [
        z
          .strictObject({ type: z.literal("file"), name: z.string().describe("Name."), dir: z.string() })
          .describe("To files."),
        z.strictObject({ type: z.literal("null"), name: z.string().describe("Name.") }),
      ]),
    )
    .min(1)
    .describe("Where events go."),
});

test("the documentation has a table for each section and for each type of sink", () => {
  expect(configurationDocs(toJsonSchema(schema), "# Configuration\n")).toBe(`# Configuration

## Top level

| Key | Type | Default | Meaning |
| --- | --- | --- | --- |
| \`workers\` | \`auto\` or a whole number of at least 1 | \`1\` | How many. |

## journal

The log.

| Key | Type | Default | Meaning |
| --- | --- | --- | --- |
| \`retainMs\` | whole number of at least 0 | \`90000\` (90 s) | Age. |
| \`maxBytes\` | size | \`8GiB\` | Budget. |
| \`sync\` | section |  |  |
| \`sync.onWrite\` | true or false | \`false\` | Sync \\| flush. |

## sinks

Where events go.

A list, at least 1; each item has these keys.

| Key | Type | Default | Meaning |
| --- | --- | --- | --- |
| \`type\` | \`file\`, \`null\` | **required** | The kind, which brings the further keys below. |
| \`name\` | text | **required** | Name. |

### sinks: file

To files.

| Key | Type | Default | Meaning |
| --- | --- | --- | --- |
| \`dir\` | text | **required** |  |

### sinks: null

No further keys.
`);
});

test("the editor's schema accepts what the collector accepts, and variables in every place", () => {
  const json = editorSchema(schema, "Millrace");
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(json);
  const sinks = [{ type: "null", name: "${NAME}" }];
  expect(validate({ sinks, $schema: "x" })).toBe(true);
  expect(validate({ sinks, workers: "auto", journal: { maxBytes: "1MiB", sync: { onWrite: true } } })).toBe(true);
  expect(validate({ sinks, workers: "${WORKERS:-1}", journal: { sync: { onWrite: "${SYNC}" } } })).toBe(true);
  for (const wrong of [{ sinks, workers: "many" }, { sinks, extra: 1 }, { sinks: [{ type: "${T}", name: "a" }] }, {}]) {
    expect(validate(wrong)).toBe(false);
  }
});
