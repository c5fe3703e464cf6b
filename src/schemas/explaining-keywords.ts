import { _, type Ajv2020, type CodeKeywordDefinition, type ErrorObject, type KeywordCxt, Name } from "ajv/dist/2020.js";
import { aroundKeyword, errorCount, errors } from "./around-keyword.ts";
import { splitMembers } from "./schema-tree.ts";

/** One error of Ajv, with what the keywords below add to its `params`. */
export type Violation = ErrorObject<string, Record<string, unknown>>;

/**
 * Makes Ajv's errors a tree instead of a flat list: what failed inside an `anyOf`, `oneOf`, `if`
 * or `contains` goes into the `params` of that keyword's own error. Only so can a message
 * tell which branch an error belongs to, in particular behind a `$ref`.
 *
 * Costs allocations, so it is for the validator that explains, not for the one that decides.
 * Needs `allErrors`.
 */
export function addExplainingKeywords(ajv: Ajv2020): void {
  ajv.removeKeyword("anyOf").addKeyword(union("anyOf", (passing) => _`${passing}.length > 0`));
  ajv.removeKeyword("oneOf").addKeyword(union("oneOf", (passing) => _`${passing}.length === 1`));
  fold(ajv, "if", nestCauses);
  fold(ajv, "contains", nestCauses);
  fold(ajv, "propertyNames", keepOwn);
  aroundKeyword(ajv, "properties", leaveOtherBranch);
}

/** `anyOf` or `oneOf`: the errors of the branches as `params.branches`, the branches that passed as `params.passing`. */
function union(keyword: "anyOf" | "oneOf", isValid: (passing: Name) => ReturnType<typeof _>): CodeKeywordDefinition {
  return {
    keyword,
    schemaType: "array",
    trackErrors: true,
    error: {
      message: "",
      params: ({ params }) => _`{ branches: ${params["branches"]}, passing: ${params["passing"]} }`,
    },
    code(cxt: KeywordCxt) {
      const { gen } = cxt;
      const schemas: readonly unknown[] = cxt.schema;
      const branches = gen.const("branches", _`[]`);
      const passing = gen.const("passing", _`[]`);
      const valid = gen.name("_valid");
      for (let index = 0; index < schemas.length; index++) {
        const start = gen.const("start", errorCount);
        const branch = cxt.subschema({ keyword, schemaProp: index, compositeRule: true }, valid);
        gen.if(
          valid,
          () => {
            gen.code(_`${passing}.push(${index})`);
            cxt.mergeEvaluated(branch, Name);
          },
          () => {
            gen.code(_`${branches}.push(${errors}.splice(${start}))`);
            gen.assign(errorCount, start);
          },
        );
      }
      cxt.setParams({ branches, passing });
      cxt.result(
        isValid(passing),
        () => cxt.reset(),
        () => cxt.error(true),
      );
    },
  };
}

/** Lets Ajv check the keyword as it does, then rearranges the errors it reported. */
function fold(
  ajv: Ajv2020,
  keyword: string,
  rearrange: (errors: Violation[] | null, start: number, keyword: string) => number,
): void {
  aroundKeyword(ajv, keyword, ({ gen }, original) => {
    const start = gen.const("start", errorCount);
    original();
    const call = gen.scopeValue("func", { ref: rearrange });
    gen.assign(errorCount, _`${call}(${errors}, ${start}, ${keyword})`);
  });
}

/**
 * In a branch whose `const` the data does not have, nothing is looked at that descends: another branch is meant, and
 * in a recursive schema each further level would double the work.
 */
function leaveOtherBranch(cxt: KeywordCxt, original: () => void): void {
  if (cxt.it.compositeRule !== true) return original();
  const { gen } = cxt;
  const { plain, descending } = splitMembers(cxt.schema);
  const start = gen.const("start", errorCount);
  cxt.schema = plain;
  original();
  cxt.schema = descending;
  const call = gen.scopeValue("func", { ref: hasConst });
  gen.if(_`!${call}(${errors}, ${start})`, original);
}

function hasConst(all: readonly Violation[] | null, start: number): boolean {
  return all !== null && all.length > start && all.slice(start).some(({ keyword }) => keyword === "const");
}

/** Moves what came before the keyword's own error into it, as `params.causes`. */
function nestCauses(all: Violation[] | null, start: number, keyword: string): number {
  if (all === null) return 0;
  const last = all.at(-1);
  if (all.length > start && last?.keyword === keyword) {
    const causes = all.splice(start);
    causes.pop();
    all.push({ ...last, params: { ...last.params, causes } });
  }
  return all.length;
}

/** Drops the errors that are not the keyword's own: it is explained from its schema. */
function keepOwn(all: Violation[] | null, start: number, keyword: string): number {
  if (all === null) return 0;
  if (all.length > start) all.push(...all.splice(start).filter((error) => error.keyword === keyword));
  return all.length;
}
