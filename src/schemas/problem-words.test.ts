import { expect, test } from "vitest";
import { explainViolations } from "./problem-words.ts";
import { SchemaCompiler } from "./schema-compiler.ts";

/** The problems of data under a schema, as a sender reads them: pointer and message. */
function explained(document: Record<string, unknown>, data: unknown): string[] {
  const file = { path: "a.json", type: "a", version: undefined, text: JSON.stringify(document), document };
  const compiler = new SchemaCompiler([file]);
  expect(compiler.add(file)).toEqual([]);
  const compiled = compiler.compile(file);
  if (typeof compiled === "string") throw new Error(compiled);
  const violations = compiled.explain(data) ?? [];
  expect(compiled.check(data)).toBe(violations.length === 0);
  const problems = explainViolations(violations);
  return problems.map(({ pointer, message }) => `${pointer}: ${message}`);
}

/** The only problem of one property. */
function sentence(schema: Record<string, unknown>, value: unknown): string | undefined {
  const lines = explained({ type: "object", properties: { total: schema } }, { total: value });
  expect(lines).toHaveLength(1);
  return lines[0]?.replace("/data/total: ", "");
}

test.each<[Record<string, unknown>, unknown, string]>([
  [{ type: "number" }, "12.50", '"total" must be a number, but is the string "12.50". Send 12.5 without quotes.'],
  [{ type: "number" }, null, '"total" must be a number, but is null.'],
  [{ type: "number" }, "", '"total" must be a number, but is an empty string.'],
  [{ type: "integer" }, 1.5, '"total" must be a whole number, but is 1.5.'],
  [
    { type: "integer" },
    "9007199254740993",
    '"total" must be a whole number, but is the string "9007199254740993". Send 9007199254740993 without quotes.',
  ],
  [{ type: "boolean" }, "true", '"total" must be true or false, but is the string "true". Send true without quotes.'],
  [{ type: "boolean" }, 0, '"total" must be true or false, but is the number 0. Send false instead of 0.'],
  [{ type: "string" }, 5, '"total" must be a string, but is the number 5. Send "5" in quotes.'],
  [{ type: ["string", "null"] }, [], '"total" must be a string or null, but is an empty array.'],
  [
    { type: "string", format: "date-time" },
    1_700_000_000,
    '"total" must be a string, but is the number 1700000000. Send a date and time with a time zone, such as 2026-11-23T12:00:00Z.',
  ],
  [
    { type: "object" },
    '{"a":1}',
    '"total" must be an object, but is the string "{\\"a\\":1}". Send the object itself, not its JSON in a string.',
  ],
  [
    { type: "array" },
    "a",
    '"total" must be an array, but is the string "a". Send it in brackets, [ ], even if there is only one.',
  ],
])("the wrong type is named, with how to send the right one: %j, %j", (schema, value, words) => {
  expect(sentence(schema, value)).toBe(words);
});

test.each<[Record<string, unknown>, unknown, string]>([
  [{ minimum: 0 }, -5, '"total" must be 0 or more, but is -5.'],
  [{ maximum: 100 }, 101, '"total" must be 100 or less, but is 101.'],
  [{ exclusiveMinimum: 0 }, 0, '"total" must be more than 0, but is 0.'],
  [{ exclusiveMaximum: 1 }, 1, '"total" must be less than 1, but is 1.'],
  [{ multipleOf: 0.5 }, 1.3, '"total" must be a multiple of 0.5, but is 1.3.'],
  [{ minLength: 1 }, "", '"total" must not be empty.'],
  [{ minLength: 3 }, "ab", '"total" must have at least 3 characters, but has 2: "ab".'],
  [{ maxLength: 2 }, "a👍b", '"total" must have at most 2 characters, but has 3: "a👍b".'],
  [{ minItems: 1 }, [], '"total" must have at least 1 entry, but has none.'],
  [{ maxItems: 2 }, [1, 2, 3], '"total" must have at most 2 entries, but has 3.'],
  [{ minProperties: 1 }, {}, '"total" must have at least 1 member, but has none.'],
  [{ uniqueItems: true }, ["a", "b", "a"], '"total" must not repeat an entry, but its entries 0 and 2 are equal.'],
  [
    { uniqueItems: true },
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    '"total" must not repeat an entry, but its entries 0 and 1 are equal.',
  ],
  [{ contains: { const: "x" } }, ["a"], '"total" must contain at least 1 entry that is "x", but has too few.'],
  [{ prefixItems: [true, true], items: false }, [1, 2, 3], '"total" must have at most 2 entries, but has 3.'],
  [{ const: "card" }, "crad", '"total" must be "card", but is the string "crad". Did you mean "card"?'],
  [{ const: { a: 1 } }, { a: 2 }, '"total" must be {"a":1}, but is an object.'],
  [{ enum: ["EUR", "USD"] }, "eur", '"total" must be "EUR" or "USD", but is the string "eur". Did you mean "EUR"?'],
  [
    { type: "string" },
    Number.POSITIVE_INFINITY,
    '"total" must be a string, but is a number beyond the largest that is read, 1.8e308. Send its digits in quotes.',
  ],
  [
    { type: "number" },
    Number.POSITIVE_INFINITY,
    '"total" must be a number, but is a number beyond the largest that is read, 1.8e308. Send a smaller one.',
  ],
  [{ enum: [1, 2] }, "2", '"total" must be 1 or 2, but is the string "2". Send 2 without quotes.'],
  [{ type: "string", enum: ["a", "b"] }, 5, '"total" must be "a" or "b", but is the number 5.'],
  [
    { pattern: "^[A-Z]+$", examples: ["AB"] },
    "a b",
    '"total" must match the pattern ^[A-Z]+$, but is the string "a b". An example: "AB".',
  ],
  [{ not: { const: "test" } }, "test", '"total" must not be "test".'],
  [
    { type: "number", description: "Sum in euros" },
    null,
    '"total" must be a number, but is null. The schema says: Sum in euros.',
  ],
])("each rule says what was expected and what was found: %j, %j", (schema, value, words) => {
  expect(sentence(schema, value)).toBe(words);
});

test.each([
  ["date-time", "yesterday", "a date and time with a time zone, such as 2026-11-23T12:00:00Z"],
  ["date", "23.11.2026", "a date, such as 2026-11-23"],
  ["email", "ada@", "an email address, such as ada@shop.example"],
  ["uuid", "42", "a UUID, such as 018f3c2e-8a4b-7c1d-9e2f-0123456789ab"],
  ["uri", "/cart", "an absolute URL, such as https://shop.example/cart"],
])("a format is explained by an example that satisfies it: %s", (format, value, words) => {
  expect(sentence({ format }, value)).toBe(`"total" must be ${words}, but is the string "${value}".`);
  const example = words.split("such as ")[1] ?? "";
  expect(explained({ properties: { total: { format } } }, { total: example })).toEqual([]);
});

const order = {
  type: "object",
  required: ["total", "items"],
  additionalProperties: false,
  properties: {
    total: { type: "number", description: "Sum in euros, tax included." },
    items: { type: "array", items: { type: "object", required: ["sku"], properties: { sku: { type: "string" } } } },
  },
};

test("what is missing is named with its type and what the schema says of it", () => {
  expect(explained(order, { items: [{}] })).toEqual([
    '/data/total: "total" is missing (a number). The schema says: Sum in euros, tax included.',
    '/data/items/0/sku: "items[0].sku" is missing (a string).',
  ]);
});

test("a misspelled member is told with the name that was meant", () => {
  expect(explained(order, { totl: 5, items: [{ SKU: "a" }] })).toEqual([
    '/data/total: "total" is missing (a number). The schema says: Sum in euros, tax included.',
    '/data/totl: "totl" is not known here; did you mean "total"?',
    '/data/items/0/sku: "items[0].sku" is missing (a string). Is "SKU" meant to be it?',
  ]);
});

test("an unknown member is told with the names that are known", () => {
  const lines = explained(order, { total: 1, items: [], note: "" });
  expect(lines).toEqual(['/data/note: "note" is not known here. Known: "total" and "items".']);
});

test("a member that another one needs is told with the other one", () => {
  const schema = { dependentRequired: { iban: ["bic"] }, properties: { bic: { type: "string" } } };
  expect(explained(schema, { iban: "x" })).toEqual(['/data/bic: "bic" is missing (a string), and "iban" needs it.']);
});

test("a name that is not allowed is told with what names must be", () => {
  const schema = { properties: { tags: { propertyNames: { pattern: "^[a-z]+$" } } } };
  expect(explained(schema, { tags: { A: 1, b: 2 } })).toEqual([
    '/data/tags/A: The name "A" is not allowed in "tags": a name must be one that matches the pattern ^[a-z]+$.',
  ]);
});

test("what a part behind $ref is, is told where it is missing", () => {
  const money = { type: "object", description: "Amount and currency" };
  const schema = { required: ["price"], properties: { price: { $ref: "#/$defs/money" } }, $defs: { money } };
  expect(explained(schema, {})).toEqual([
    '/data/price: "price" is missing (an object). The schema says: Amount and currency.',
  ]);
});

test("unknown members are found across the parts of a schema", () => {
  const schema = { allOf: [{ properties: { a: true } }], properties: { b: true }, unevaluatedProperties: false };
  expect(explained(schema, { a: 1, b: 2, c: 3 })).toEqual(['/data/c: "c" is not known here. Known: "b".']);
});

const payment = {
  properties: { pay: { oneOf: [{ $ref: "#/$defs/card" }, { $ref: "#/$defs/paypal" }] } },
  $defs: {
    card: {
      type: "object",
      required: ["method", "last4"],
      properties: { method: { const: "card" }, last4: { type: "string" } },
    },
    paypal: {
      type: "object",
      required: ["method", "account"],
      properties: { method: { const: "paypal" }, account: { type: "string" } },
    },
  },
};

test("of several forms, the one that a constant member names is explained", () => {
  expect(explained(payment, { pay: { method: "card", last4: 4242 } })).toEqual([
    '/data/pay/last4: "pay.last4" must be a string, but is the number 4242. Send "4242" in quotes. This applies because "method" is "card".',
  ]);
  expect(explained(payment, { pay: { method: "cash" } })).toEqual([
    '/data/pay/method: "pay.method" must be "card" or "paypal", but is the string "cash".',
  ]);
  expect(explained(payment, { pay: {} })).toEqual(['/data/pay/method: "pay.method" is missing ("card" or "paypal").']);
  expect(explained(payment, { pay: "card" })).toEqual([
    '/data/pay: "pay" must be an object, but is the string "card".',
  ]);
});

test("of several forms without such a member, the closest is explained", () => {
  const schema = { properties: { v: { anyOf: [{ type: "string" }, { type: "object", required: ["a", "b"] }] } } };
  expect(explained(schema, { v: { a: 1 } })).toEqual([
    '/data/v/b: "v.b" is missing. (Of the forms allowed for "v", this is the closest.)',
  ]);
  expect(explained(schema, { v: 5 })).toEqual(['/data/v: "v" must be a string or an object, but is the number 5.']);
});

test("members of which one is enough are listed", () => {
  const schema = { anyOf: [{ required: ["email"] }, { required: ["phone"] }] };
  expect(explained(schema, {})).toEqual([
    '/data: "data" must have at least one of "email" or "phone", but has none of them.',
  ]);
  const exclusive = { oneOf: [{ required: ["email"] }, { required: ["phone"] }] };
  expect(explained(exclusive, { email: "", phone: "" })).toEqual([
    '/data: "data" must have only one of "email" and "phone".',
  ]);
});

test("a conditional rule tells why it applies", () => {
  const schema = {
    properties: { country: { type: "string" } },
    if: { properties: { country: { const: "US" } }, required: ["country"] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: { required: ["state"] },
    else: { not: { required: ["state"] } },
  };
  expect(explained(schema, { country: "US" })).toEqual([
    '/data/state: "state" is missing. This applies because "country" is "US".',
  ]);
  expect(explained(schema, { country: "DE", state: "x" })).toEqual([
    '/data: "data" must not have "state". This applies because "country" is not "US".',
  ]);
});

test("at most 20 problems are reported, and the last counts the others", () => {
  const lines = explained(
    { items: { type: "string" } },
    Array.from({ length: 50 }, () => 1),
  );
  expect(lines).toHaveLength(20);
  expect(lines.at(-1)).toBe("/data: There are 31 more problems that are not shown.");
});

test("names and values of the sender are shortened and cannot forge a line", () => {
  const lines = explained(
    { additionalProperties: false, properties: { a: { maxLength: 5, const: "a" } } },
    {
      a: "y".repeat(500),
      "b\n\u202e": 1,
      ["x".repeat(5_000)]: 1,
    },
  );
  expect(lines.every((line) => line.length < 400)).toBe(true);
  expect(lines.join("\n")).toContain(`the string "${"y".repeat(60)}…" (500 characters)`);
  expect(lines.join("\n")).toContain('"b\\n\\u202e" is not known here');
});
