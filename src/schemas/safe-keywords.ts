import { _, type Ajv2020, type CodeKeywordDefinition, type KeywordCxt } from "ajv/dist/2020.js";
import { firstRepeat, jsonEquals, memberOf } from "./json-equality.ts";

/**
 * Replaces Ajv's keywords that compare values by ones that no data can make throw or take
 * quadratic time. Scalars, the common case, are compared as Ajv does.
 */
export function addSafeKeywords(ajv: Ajv2020): void {
  for (const definition of [constKeyword, enumKeyword, uniqueItems]) {
    ajv.removeKeyword(String(definition.keyword));
    ajv.addKeyword(definition);
  }
}

const constKeyword: CodeKeywordDefinition = {
  keyword: "const",
  code(cxt: KeywordCxt) {
    const { gen, data, schema, schemaCode } = cxt;
    if (!isObject(schema)) return cxt.fail(_`${data} !== ${schema}`);
    const equals = gen.scopeValue("func", { ref: jsonEquals });
    return cxt.fail(_`!${equals}(${data}, ${schemaCode})`);
  },
  error: { message: "" },
};

const enumKeyword: CodeKeywordDefinition = {
  keyword: "enum",
  schemaType: "array",
  code(cxt: KeywordCxt) {
    const values: readonly unknown[] = cxt.schema;
    const isMember = cxt.gen.scopeValue("func", { ref: memberOf(values) });
    cxt.pass(_`${isMember}(${cxt.data})`);
  },
  error: { message: "" },
};

const uniqueItems: CodeKeywordDefinition = {
  keyword: "uniqueItems",
  type: "array",
  schemaType: "boolean",
  before: "unevaluatedItems",
  code(cxt: KeywordCxt) {
    if (cxt.schema !== true) return;
    const find = cxt.gen.scopeValue("func", { ref: firstRepeat });
    const repeat = cxt.gen.const("repeat", _`${find}(${cxt.data})`);
    cxt.setParams({ repeat });
    cxt.pass(_`${repeat} === undefined`);
  },
  error: { message: "", params: ({ params }) => _`{ repeat: ${params["repeat"]} }` },
};

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
