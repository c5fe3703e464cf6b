/**
 * Every code a problem with an event's type, version or data can have, and what it means. Codes are
 * stable: clients match on them. Most are the JSON Schema keyword in snake case.
 */
export const VALIDATION_CODES = {
  additional_properties: "A member that the schema does not know.",
  any_of: "The value fits none of the forms the schema allows.",
  const: "The value is not the only one allowed.",
  contains: "An array has too few or too many entries of the kind asked for.",
  dependent_required: "A member is missing that another one needs.",
  enum: "The value is not one of those allowed.",
  exclusive_maximum: "The number is not below the limit.",
  exclusive_minimum: "The number is not above the limit.",
  format: "The string is not of the format asked for, such as a date or an email address.",
  items: "An array has more entries than the schema describes.",
  max_items: "An array has too many entries.",
  max_length: "A string is too long.",
  max_properties: "An object has too many members.",
  maximum: "The number is too large.",
  min_items: "An array has too few entries.",
  min_length: "A string is too short.",
  min_properties: "An object has too few members.",
  minimum: "The number is too small.",
  more_problems: "The event has more problems than are shown.",
  multiple_of: "The number is not a multiple of the step.",
  not: "The value has a form that the schema rules out.",
  not_allowed: "The schema allows nothing here.",
  one_of: "The value fits none of the allowed forms, or more than one.",
  pattern: "The string does not match the pattern.",
  property_names: "The name of a member is not allowed.",
  required: "A member that must be there is missing.",
  too_complex: "The data is nested too deeply, or a string is too long, to be checked.",
  type: "The value is of the wrong type.",
  unevaluated_items: "An array has entries that the schema does not describe.",
  unevaluated_properties: "A member that no part of the schema knows.",
  unique_items: "Two entries of an array are equal.",
  unknown_schema_version: "`dataschema` names a version that the type does not have.",
  unknown_type: "There is no schema for the event's type.",
} as const satisfies Readonly<Record<string, string>>;

export type ValidationCode = keyof typeof VALIDATION_CODES;

/** The code of a JSON Schema keyword. */
export function codeOf(keyword: string): ValidationCode {
  const code = keyword.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  // A part of the schema that is plain `false` has no keyword.
  return isCode(code) ? code : "not_allowed";
}

function isCode(code: string): code is ValidationCode {
  return Object.hasOwn(VALIDATION_CODES, code);
}
