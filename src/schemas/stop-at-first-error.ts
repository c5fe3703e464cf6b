import assert from "node:assert/strict";
import { _, type Ajv2020, type KeywordCxt } from "ajv/dist/2020.js";
import { propertyInData } from "ajv/dist/vocabularies/code.js";
import { aroundKeyword, errorCount } from "./around-keyword.ts";
import { splitMembers } from "./schema-tree.ts";

/**
 * Makes the Ajv that only decides give up on a value, and on a branch of an `anyOf` or `oneOf`, at the first thing
 * that is wrong with it, without accepting what it should refuse: Ajv 8.20 without `allErrors` overlooks some errors.
 */
export function stopAtFirstError(ajv: Ajv2020): void {
  aroundKeyword(ajv, "properties", plainFirst);
  aroundKeyword(ajv, "required", requireEmptyName);
  aroundKeyword(ajv, "dependentRequired", requireEmptyNames);
  aroundKeyword(ajv, "$dynamicRef", goOnAfterReference);
  moveToEnd(ajv, "prefixItems");
}

/**
 * Looks at the members with plain schemas before those that descend: the `const` that tells branches apart is
 * then reached first, wherever the schema names it.
 */
function plainFirst(cxt: KeywordCxt, original: () => void): void {
  const { plain, descending } = splitMembers(cxt.schema);
  cxt.schema = { ...plain, ...descending };
  original();
}

/** Ajv takes the name of the first missing member for a condition, which "" does not fulfil. */
function requireEmptyName(cxt: KeywordCxt, original: () => void): void {
  const names: readonly string[] = cxt.schema;
  cxt.schema = names.filter((name) => name !== "");
  original();
  if (!names.includes("")) return;
  cxt.setParams({ missingProperty: _`""` });
  cxt.fail(_`${cxt.data}[""] === undefined`);
}

function requireEmptyNames(cxt: KeywordCxt, original: () => void): void {
  const { gen, data, it } = cxt;
  const needs: [string, readonly string[]][] = Object.entries(cxt.schema);
  cxt.schema = Object.fromEntries(needs.map(([name, others]) => [name, others.filter((other) => other !== "")]));
  original();
  for (const [property, others] of needs) {
    if (!others.includes("")) continue;
    cxt.setParams({ property, missingProperty: _`""`, depsCount: others.length, deps: others.join(", ") });
    cxt.fail(_`${propertyInData(gen, data, property, it.opts.ownProperties)} && ${data}[""] === undefined`);
  }
}

/** Ajv takes every `$dynamicRef` for one that failed, and skips the keywords after it, unless told to look at all. */
function goOnAfterReference(cxt: KeywordCxt, original: () => void): void {
  const start = cxt.gen.const("start", errorCount);
  Object.assign(cxt.it, { allErrors: true });
  Object.assign(cxt, { allErrors: true });
  original();
  Object.assign(cxt.it, { allErrors: false });
  Object.assign(cxt, { allErrors: false });
  cxt.ok(_`${errorCount} === ${start}`);
}

/**
 * Ajv skips what comes after `prefixItems` when an array is shorter than it. Of the keywords for arrays only
 * `unevaluatedItems` may be skipped then.
 */
function moveToEnd(ajv: Ajv2020, keyword: string): void {
  const definition = ajv.getKeyword(keyword);
  assert(typeof definition === "object");
  ajv.removeKeyword(keyword).addKeyword({ ...definition, keyword, before: "unevaluatedItems" });
}
