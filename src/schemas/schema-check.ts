import { nearestName } from "../core/nearest-name.ts";
import { objectAt, type SchemaObject, SUBSCHEMA_KEYWORDS, visitSchemas } from "./schema-tree.ts";
import { quoted } from "./value-words.ts";

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Every keyword of JSON Schema 2020-12, and `definitions`, its older name for `$defs`. */
const KEYWORDS: ReadonlySet<string> = new Set([
  ...SUBSCHEMA_KEYWORDS,
  ..."$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment".split(" "),
  ..."type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum".split(" "),
  ..."maxLength minLength pattern format maxItems minItems uniqueItems maxContains minContains".split(" "),
  ..."maxProperties minProperties required dependentRequired".split(" "),
  ..."title description default deprecated readOnly writeOnly examples contentEncoding contentMediaType".split(" "),
]);

/** Keywords of older drafts and of OpenAPI, with what 2020-12 has instead. */
const REPLACED: ReadonlyMap<string, string> = new Map([
  ["id", '"$id"'],
  ["additionalItems", '"items" after "prefixItems"'],
  ["dependencies", '"dependentRequired" or "dependentSchemas"'],
  ["nullable", '"type": ["string", "null"]'],
  ["example", '"examples": [ … ]'],
  ["discriminator", 'a "const" in each branch of "oneOf"'],
]);

/** What a look at a schema document found. */
export interface SchemaCheck {
  /** Mistakes that a validator would overlook, each with its JSON Pointer in the document. */
  readonly problems: readonly string[];
  /** The `x-…` annotations in use, which have to be made known to the validator. */
  readonly extensions: ReadonlySet<string>;
}

/**
 * Finds what is valid JSON Schema and yet surely not meant: unknown keywords and formats, keywords of
 * another draft, required properties that nothing allows.
 */
export function checkSchema(document: unknown, formats: ReadonlySet<string>): SchemaCheck {
  const problems: string[] = [];
  const extensions = new Set<string>();
  visitSchemas(document, (schema, pointer) => {
    const at = pointer === "" ? "" : `at ${pointer}: `;
    for (const keyword of Object.keys(schema)) {
      if (KEYWORDS.has(keyword)) continue;
      if (/^x-[a-z0-9_:-]+$/i.test(keyword)) extensions.add(keyword);
      else problems.push(`${at}${unknownKeyword(keyword)}`);
    }
    const { $schema: dialect, format } = schema;
    if (typeof dialect === "string" && dialect.replace(/#$/, "") !== DIALECT) {
      problems.push(`${at}"$schema" names ${quoted(dialect)}; schemas here are of ${DIALECT}`);
    }
    if (typeof format === "string" && !formats.has(format)) {
      const near = nearestName(format, formats);
      problems.push(`${at}unknown format ${quoted(format)}${near === undefined ? "" : `; did you mean "${near}"?`}`);
    }
    for (const name of impossibleNames(schema)) {
      const near = nearestName(name, Object.keys(objectAt(schema, "properties")));
      const hint = near === undefined ? "" : `; did you mean ${quoted(near)}?`;
      problems.push(
        `${at}${quoted(name)} is required, but "properties" does not have it and nothing else is allowed${hint}`,
      );
    }
  });
  return { problems, extensions };
}

function unknownKeyword(keyword: string): string {
  const instead = REPLACED.get(keyword);
  if (instead !== undefined) return `"${keyword}" is not a keyword of JSON Schema 2020-12; use ${instead}`;
  const near = nearestName(keyword, KEYWORDS);
  const hint = near === undefined ? "; a note of your own begins with x-" : `; did you mean "${near}"?`;
  return `unknown keyword ${quoted(keyword)}${hint}`;
}

/** Names that are required in an object that cannot have them. */
function impossibleNames(schema: SchemaObject): string[] {
  const { required, additionalProperties, patternProperties } = schema;
  if (!Array.isArray(required) || additionalProperties !== false || patternProperties !== undefined) return [];
  const properties = objectAt(schema, "properties");
  return required.filter((name) => typeof name === "string" && !Object.hasOwn(properties, name));
}
