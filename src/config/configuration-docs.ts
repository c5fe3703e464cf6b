import { formatBytes } from "../core/config-fields.ts";
import { describeType, isSize } from "./describe-type.ts";
import { formatDuration } from "../core/format-duration.ts";
import { branchesOf } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";

interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/**
 * The reference of every key as Markdown: a table for each section of the file, and one
 * for each type of a section that comes in types.
 */
export function configurationDocs(schema: JsonSchema, preface: string): string {
  const members = Object.entries(schema.properties ?? {});
  const plain = Object.fromEntries(members.filter(([, member]) => !isSection(member)));
  const parts = [preface.trim()];
  if (Object.keys(plain).length > 0) parts.push("## Top level", table(rowsOf({ ...schema, properties: plain })));
  for (const [key, member] of members.filter(([, value]) => isSection(value))) parts.push(...section(key, member));
  return `${parts.join("\n\n")}\n`;
}

function section(key: string, member: JsonSchema): string[] {
  const variants = sectionsOf(member);
  const parts = [`## ${key}`];
  if (member.description !== undefined) parts.push(member.description);
  if (member.type === "array") {
    const atLeast = member.minItems === undefined ? "" : `, at least ${member.minItems}`;
    parts.push(`A list${atLeast}; each item has these keys.`);
  }
  const [first] = variants;
  if (variants.length < 2) return first === undefined ? parts : [...parts, table(rowsOf(first))];

  const { discriminator, kinds } = kindsOf(variants);
  const common = commonKeys(variants);
  const kindRow = kindRowOf(discriminator, kinds);
  parts.push(table([kindRow, ...rowsOf(pick(first, (name) => common.has(name)))]));
  for (const [index, variant] of variants.entries()) {
    parts.push(`### ${key}: ${kinds[index]}`);
    if (variant.description !== undefined) parts.push(variant.description);
    const own = rowsOf(ownPart(variant, first, common, discriminator));
    parts.push(own.length === 0 ? "No further keys." : table(own));
  }
  return parts;
}

/** The keys that every variant has and that mean the same in all of them, but for at most one, which says itself what they mean there. */
function commonKeys(variants: readonly JsonSchema[]): ReadonlySet<string> {
  const [first, ...others] = variants;
  const names = Object.entries(first?.properties ?? {})
    .filter(([key, member]) => {
      const differing = others.filter((other) => JSON.stringify(other.properties?.[key]) !== JSON.stringify(member));
      return (
        differing.length === 0 ||
        (differing.length === 1 && others.length > 1 && differing[0]?.properties?.[key] !== undefined)
      );
    })
    .map(([key]) => key);
  return new Set(names);
}

/** The keys of a variant that are not common, or mean something else in it. */
function ownPart(
  variant: JsonSchema,
  first: JsonSchema | undefined,
  common: ReadonlySet<string>,
  discriminator: string,
): JsonSchema {
  const isOther = (key: string) =>
    !common.has(key) || JSON.stringify(variant.properties?.[key]) !== JSON.stringify(first?.properties?.[key]);
  return pick(variant, (key) => key !== discriminator && isOther(key));
}

function pick(schema: JsonSchema | undefined, wanted: (key: string) => boolean): JsonSchema {
  const properties = Object.entries(schema?.properties ?? {}).filter(([key]) => wanted(key));
  return { ...schema, properties: Object.fromEntries(properties) };
}

function rowsOf(schema: JsonSchema, prefix = ""): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const name = `${prefix}${key}`;
    const row = {
      key: name,
      type: typeOf(member),
      fallback: schema.required?.includes(key) ? "**required**" : defaultOf(key, member),
      meaning: member.description ?? "",
    };
    const variants = sectionsOf(member);
    if (variants.length === 0) return [row];
    const rows = rowsOfVariants(variants, member.type === "array" ? `${name}[].` : `${name}.`);
    return [{ ...row, type: member.type === "array" ? "list of sections" : "section" }, ...rows];
  });
}

/** The keys of a section within another one; where it comes in types, what only some of them have says so. */
function rowsOfVariants(variants: readonly JsonSchema[], prefix: string): Row[] {
  const [first] = variants;
  if (first === undefined || variants.length === 1) return rowsOf(first ?? {}, prefix);
  const { discriminator, kinds } = kindsOf(variants);
  const common = commonKeys(variants);
  const own = new Map<string, { row: Row; having: string[] }>();
  for (const [index, variant] of variants.entries()) {
    for (const row of rowsOf(ownPart(variant, first, common, discriminator), prefix)) {
      const key = JSON.stringify(row);
      own.set(key, { row, having: [...(own.get(key)?.having ?? []), `\`${kinds[index]}\``] });
    }
  }
  const ownRows = [...own.values()].map(({ row, having }) => ({
    ...row,
    meaning: `With \`${discriminator}\` ${having.join(", ")}: ${row.meaning}`,
  }));
  const kindRow = { ...kindRowOf(discriminator, kinds), key: `${prefix}${discriminator}` };
  return [
    kindRow,
    ...rowsOf(
      pick(first, (name) => common.has(name)),
      prefix,
    ),
    ...ownRows,
  ];
}

function kindsOf(variants: readonly JsonSchema[]): { discriminator: string; kinds: readonly string[] } {
  const properties = Object.entries(variants[0]?.properties ?? {});
  const discriminator = properties.find(([, value]) => value.const !== undefined)?.[0] ?? "";
  return { discriminator, kinds: variants.map((variant) => String(variant.properties?.[discriminator]?.const)) };
}

function kindRowOf(discriminator: string, kinds: readonly string[]): Row {
  return {
    key: discriminator,
    type: kinds.map((kind) => `\`${kind}\``).join(", "),
    fallback: "**required**",
    meaning: "The kind, which brings the further keys below.",
  };
}

function isSection(schema: JsonSchema): boolean {
  return sectionsOf(schema).length > 0;
}

/** The schemas of the sections a value is or holds: one, or one for each type it comes in. */
function sectionsOf(schema: JsonSchema): readonly JsonSchema[] {
  const items = schema.type === "array" ? schema.items : schema;
  return items === undefined ? [] : branchesOf(items).filter((branch) => branch.properties !== undefined);
}

/** The words of a problem, less what this page says once for all. */
function typeOf(schema: JsonSchema): string {
  if (isSize(schema)) return "size";
  return describeType(schema)
    .replace(/^an? /, "")
    .replace(/, at least 1 character$/, "")
    .replaceAll(/"([^"]*)"/g, "`$1`");
}

function defaultOf(key: string, schema: JsonSchema): string {
  const value = schema.default;
  if (value === undefined || isSection(schema)) return "";
  if (typeof value === "string") return `\`${value}\``;
  if (typeof value !== "number" || value === 0) return `\`${JSON.stringify(value)}\``;
  if (isSize(schema)) return `\`${formatBytes(value)}\``;
  return key.endsWith("Ms") && value >= 1_000 ? `\`${value}\` (${formatDuration(value)})` : `\`${value}\``;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [`\`${row.key}\``, row.type, row.fallback, row.meaning]);
  const header = ["Key", "Type", "Default", "Meaning"];
  return [header, header.map(() => "---"), ...lines].map(tableLine).join("\n");
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}
