import type { SchemaObject } from "./schema-tree.ts";

/** What a schema says of itself, as a doc comment with its line end; empty when it says nothing. */
export function docComment(schema: unknown, indent: string): string {
  if (!isObject(schema)) return "";
  const lines = annotations(schema).flatMap((text) => text.split(/\r?\n|\u2028|\u2029/));
  const safe = lines.map((line) => safeInComment(line).trimEnd());
  if (safe.length === 0) return "";
  if (safe.length === 1) return `${indent}/** ${safe[0]} */\n`;
  const middle = safe.map((line) => `${indent} *${line === "" ? "" : ` ${line}`}\n`);
  return `${indent}/**\n${middle.join("")}${indent} */\n`;
}

/** A word about a type, beside it. */
export function inlineComment(text: string): string {
  return `/* ${safeInComment(text)} */`;
}

function annotations(schema: SchemaObject): string[] {
  const { title, description, format, deprecated } = schema;
  const texts = [title, description].filter((text) => typeof text === "string" && text !== "");
  if (typeof format === "string") texts.push(`Format: ${format}`);
  if (deprecated === true) texts.push("@deprecated");
  return texts.map(String);
}

/** The end of a comment must not come from a schema, nor what a terminal would obey. */
function safeInComment(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll("*/", "*\\/").replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null;
}
