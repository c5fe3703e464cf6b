import assert from "node:assert/strict";
import { type Ajv2020, type KeywordCxt, Name } from "ajv/dist/2020.js";

/** What Ajv's generated code calls its list of errors and their number. */
export const errors = new Name("vErrors");
export const errorCount = new Name("errors");

/**
 * Puts code before, after or instead of what Ajv generates for one of its keywords. The keyword keeps its place
 * among the others, which matters: some look at what others have evaluated.
 */
export function aroundKeyword(
  ajv: Ajv2020,
  keyword: string,
  around: (cxt: KeywordCxt, original: () => void) => void,
): void {
  const definition = ajv.getKeyword(keyword);
  assert(typeof definition === "object" && "code" in definition);
  const { code } = definition;
  definition.code = (cxt, ruleType) => around(cxt, () => code(cxt, ruleType));
}
