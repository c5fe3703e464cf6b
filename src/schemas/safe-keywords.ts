import { _, type Ajv2020, type CodeKeywordDefinition, type KeywordCxt } from "ajv/dist/2020.js";
import { Type } from "ajv/dist/compile/util.js";
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

/**
 * Has `items` stop at the first element that does not fit: `allErrors` would make an error for each, however
 * many a sender puts in. For the validator that only decides.
 */
export function stopAtFirstItem(ajv: Ajv2020): void {
  ajv.removeKeyword("items").addKeyword(items);
}

const items: CodeKeywordDefinition = {
  keyword: "items",
  type: "array",
  schemaType: ["object", "boolean"],
  // What looks at evaluated items has to come after all that evaluate them.
  before: "unevaluatedItems",
  code(cxt: KeywordCxt) {
    const { gen, data, parentSchema, it } = cxt;
    const prefix: unknown = parentSchema["prefixItems"];
    it.items = true;
    if (cxt.schema === true) return;
    const length = gen.const("len", _`${data}.length`);
    const valid = gen.name("valid");
    gen.forRange("i", Array.isArray(prefix) ? prefix.length : 0, length, (index) => {
      cxt.subschema({ keyword: "items", dataProp: index, dataPropType: Type.Num }, valid);
      gen.if(_`!${valid}`, () => gen.break());
    });
  },
};

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
