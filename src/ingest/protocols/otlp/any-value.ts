import type { ValidationProblem } from "../../../core/validation.ts";
import { isObject } from "../json-object.ts";

/** A value or list of attributes that is not as OTLP has it. Thrown, and caught where the reading of a record began. */
export class ValueFault extends Error {
  readonly problem: ValidationProblem;

  constructor(pointer: string, message: string, expected: string) {
    super(message);
    this.problem = { code: "invalid_otlp", pointer, message, expected };
  }
}

/**
 * Prints an `AnyValue` of OTLP's JSON as the JSON that people write: `{"intValue":"5"}` as `5`.
 *
 * Integers that a double does not hold exactly stay strings, as do NaN and the infinities; bytes are
 * base64. A value that is not set is null. Throws a `ValueFault`.
 *
 * @param value of a depth that is bounded
 * @param pointer JSON Pointer of the value in its record
 */
export function plainJson(value: unknown, pointer: string): string {
  if (value === null || value === undefined) return "null";
  if (!isObject(value)) throw new ValueFault(pointer, "A value must be an object such as {…}.", "an object");
  for (const [kind, held] of Object.entries(value)) {
    // Null is how JSON writes a field that is not there.
    if (held !== null) {
      const json = printed(kind, held, `${pointer}/${kind}`);
      if (json !== undefined) return json;
    }
  }
  return "null";
}

/** A list of `KeyValue` by its keys, each value printed as {@link plainJson} does. Of equal keys the last counts. */
export function plainMembers(list: unknown, pointer: string): Map<string, string> {
  const members = new Map<string, string>();
  for (const [index, { key, value }] of keyValues(list, pointer).entries()) {
    members.set(key, plainJson(value, `${pointer}/${index}/value`));
  }
  return members;
}

export function objectOf(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}

/** The string that an attribute holds, if it is there and is one. */
export function textAttribute(list: unknown, key: string): string | undefined {
  if (!Array.isArray(list)) return undefined;
  const attribute: unknown = list.find((each: unknown) => isObject(each) && each["key"] === key);
  const value = isObject(attribute) ? attribute["value"] : undefined;
  const text = isObject(value) ? value["stringValue"] : undefined;
  return typeof text === "string" ? text : undefined;
}

function keyValues(list: unknown, pointer: string): { readonly key: string; readonly value: unknown }[] {
  if (list === null || list === undefined) return [];
  if (!Array.isArray(list))
    throw new ValueFault(pointer, "Attributes must be an array of keys and values.", "an array");
  return list.map((each: unknown, index) => {
    const key = isObject(each) ? (each["key"] ?? "") : undefined;
    if (isObject(each) && typeof key === "string") return { key, value: each["value"] };
    throw new ValueFault(
      `${pointer}/${index}`,
      'An attribute must be {"key": "…", "value": {…}}.',
      "a key and a value",
    );
  });
}

/** `undefined` for a kind of value that OTLP did not have when this was written. */
function printed(kind: string, held: unknown, pointer: string): string | undefined {
  switch (kind) {
    case "stringValue":
    case "bytesValue":
      if (typeof held === "string") return JSON.stringify(held);
      throw new ValueFault(pointer, `"${kind}" must be a string.`, "a string");
    case "boolValue":
      if (typeof held === "boolean") return String(held);
      throw new ValueFault(pointer, '"boolValue" must be true or false.', "true or false");
    case "intValue":
      return integer(held, pointer);
    case "doubleValue":
      return double(held, pointer);
    case "arrayValue":
      return `[${listIn(held, pointer)
        .map((each, index) => plainJson(each, `${pointer}/values/${index}`))
        .join(",")}]`;
    case "kvlistValue":
      return objectOf(plainMembers(listIn(held, pointer), `${pointer}/values`));
    default:
      return undefined;
  }
}

function listIn(held: unknown, pointer: string): readonly unknown[] {
  const values = isObject(held) ? (held["values"] ?? []) : undefined;
  if (Array.isArray(values)) return values;
  throw new ValueFault(pointer, "A list must be an object with an array of `values`.", "an object");
}

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

function integer(held: unknown, pointer: string): string {
  if (typeof held === "number" && Number.isSafeInteger(held)) return JSON.stringify(held);
  if (typeof held === "string" && /^-?\d{1,19}$/.test(held)) {
    const value = BigInt(held);
    if (Number.isSafeInteger(Number(value))) return String(value);
    if (value >= MIN_INTEGER && value <= MAX_INTEGER) return `"${value}"`;
  }
  const message = '"intValue" must be an integer of 64 bits in quotes, such as "12345678901234567".';
  throw new ValueFault(pointer, message, "an integer in quotes");
}

function double(held: unknown, pointer: string): string {
  const value = typeof held === "string" && held.trim() !== "" ? Number(held) : held;
  if (typeof value === "number" && (!Number.isNaN(value) || held === "NaN")) {
    return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  }
  throw new ValueFault(pointer, '"doubleValue" must be a number, "NaN", "Infinity" or "-Infinity".', "a number");
}
