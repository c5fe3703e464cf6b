import type { ValidationProblem } from "../core/validation.ts";
import { unionFault } from "./closest-branch.ts";
import { boundedPointer, memberPointer, subjectOf, valueAt } from "./event-pointer.ts";
import type { Violation } from "./explaining-keywords.ts";
import { nearestName } from "../core/nearest-name.ts";
import { resolveReference } from "./schema-references.ts";
import { codeOf, type ValidationCode } from "./validation-codes.ts";
import { brokenRule, schemaWords, valueList } from "./value-rules.ts";
import { escapeUnsafe, foundWords, listed, quoted, typeWords, valueText } from "./value-words.ts";

/** Problems reported for one event; of more, the last says how many there are. */
const MAX_PROBLEMS = 20;
/** Characters of a schema's description that are quoted. */
const MAX_DESCRIPTION = 160;

/**
 * Says what is wrong with an event's data, in sentences that need no knowledge of JSON Schema. Pointers
 * lead into the event, to the value at fault or to where the missing one belongs.
 */
export function explainViolations(violations: readonly Violation[]): ValidationProblem[] {
  const { problems, left } = explainAll(violations);
  const shown: ValidationProblem[] = problems.map((problem) => ({
    ...problem,
    pointer: boundedPointer(`/data${problem.pointer}`),
  }));
  if (left === 0) return shown;
  const more = left + shown.splice(MAX_PROBLEMS - 1).length;
  const message = `There are ${more} more problems that are not shown.`;
  return [...shown, { code: "more_problems", pointer: "/data", message }];
}

/** The same for a schema document that breaks the rules of JSON Schema; one line for each problem. */
export function explainSchemaProblems(violations: readonly Violation[]): string[] {
  return explainAll(violations).problems.map(
    ({ pointer, message }) => `at ${pointer === "" ? "/" : pointer}: ${message}`,
  );
}

interface Problem extends ValidationProblem {
  readonly code: ValidationCode;
}

function explainAll(violations: readonly Violation[]): { problems: Problem[]; left: number } {
  const relevant = dropEchoes(violations);
  const problems = new Map<string, Problem>();
  let explained = 0;
  for (const violation of relevant) {
    if (problems.size >= MAX_PROBLEMS) break;
    for (const problem of explain(violation)) {
      if (problems.size < MAX_PROBLEMS) problems.set(`${problem.pointer} ${problem.message}`, problem);
    }
    explained++;
  }
  return { problems: [...problems.values()], left: relevant.length - explained };
}

/** Leaves out what only repeats another violation: the wrong type of a value that has to be one of a list. */
function dropEchoes(violations: readonly Violation[]): readonly Violation[] {
  const choices = new Map<unknown, string>();
  const unions = new Set<string>();
  for (const { keyword, parentSchema, instancePath } of violations) {
    if (keyword === "enum" || keyword === "const") choices.set(parentSchema, instancePath);
    if (keyword === "anyOf" || keyword === "oneOf" || keyword === "if") unions.add(instancePath);
  }
  return violations.filter(({ keyword, parentSchema, instancePath }) => {
    if (keyword === "type") return choices.get(parentSchema) !== instancePath;
    // A branch that fails leaves its members unevaluated: they are not to blame.
    return keyword !== "unevaluatedProperties" || !unions.has(instancePath);
  });
}

function explain(violation: Violation): Problem[] {
  switch (violation.keyword) {
    case "required":
      return [missing(violation, "")];
    case "dependentRequired":
      return [missing(violation, `, and ${quoted(textAt(violation, "property"))} needs it`)];
    case "additionalProperties":
      return [unknownMember(violation, textAt(violation, "additionalProperty"))];
    case "unevaluatedProperties":
      return [unknownMember(violation, textAt(violation, "unevaluatedProperty"))];
    case "propertyNames":
      return [badName(violation)];
    case "anyOf":
    case "oneOf":
      return explainUnion(violation);
    case "if":
      return explainCondition(violation);
    case "not":
      return [excluded(violation)];
    default:
      return [brokenValue(violation)];
  }
}

function brokenValue(violation: Violation): Problem {
  const { instancePath, keyword, data, parentSchema } = violation;
  const rule = brokenRule(violation);
  const subject = subjectOf(instancePath);
  const base = { code: codeOf(keyword), pointer: instancePath, found: foundWords(data) };
  if (rule === undefined) return { ...base, message: `${subject} is not allowed here.${saying(parentSchema)}` };
  const but = rule.but === undefined ? "" : `, but ${rule.but}`;
  const hint = rule.hint === undefined ? "" : ` ${rule.hint}`;
  return {
    ...base,
    message: `${subject} must ${rule.must}${but}.${hint}${saying(parentSchema)}`,
    expected: rule.must.replace(/^be /, ""),
  };
}

function missing(violation: Violation, because: string): Problem {
  const { instancePath, data, parentSchema } = violation;
  const name = textAt(violation, "missingProperty");
  const schema = propertySchema(parentSchema, name);
  const expected = expectedWords(resolveReference(schema));
  const pointer = memberPointer(instancePath, name);
  const kind = expected === undefined ? "" : ` (${expected})`;
  const misspelled =
    parentSchema?.["additionalProperties"] === false ? undefined : nearestName(name, strangers(data, parentSchema));
  const hint = misspelled === undefined ? "" : ` Is ${quoted(misspelled)} meant to be it?`;
  return {
    code: codeOf(violation.keyword),
    pointer,
    message: `${subjectOf(pointer)} is missing${kind}${because}.${hint}${saying(schema)}`,
    ...(expected === undefined ? {} : { expected }),
  };
}

/** Members of the data that the schema does not name: one of them may be a misspelled one. */
function strangers(data: unknown, schema: Violation["parentSchema"]): string[] {
  if (typeof data !== "object" || data === null) return [];
  const known = propertiesOf(schema);
  return Object.keys(data).filter((name) => !Object.hasOwn(known, name));
}

function unknownMember({ instancePath, keyword, data, parentSchema }: Violation, name: string): Problem {
  const known = knownNames(parentSchema);
  const unused = known.names.filter((other) => !Object.hasOwn(Object(data), other));
  const near = nearestName(name, unused);
  const pointer = memberPointer(instancePath, name);
  const subject = subjectOf(pointer);
  const place = instancePath === "" ? "here" : `in ${subjectOf(instancePath)}`;
  const hint = near === undefined ? `.${known.words}` : `; did you mean ${quoted(near)}?`;
  return { code: codeOf(keyword), pointer, message: `${subject} is not known ${place}${hint}` };
}

/** The names of a schema's `properties`, and a sentence that tells them. */
interface KnownNames {
  readonly names: readonly string[];
  readonly words: string;
}

/** Kept for each schema: one event can have many unknown members, and a schema many names. */
const knownNamesOf = new WeakMap<object, KnownNames>();

function knownNames(schema: Violation["parentSchema"]): KnownNames {
  const kept = schema && knownNamesOf.get(schema);
  if (kept !== undefined) return kept;
  const names = Object.keys(propertiesOf(schema));
  const words = names.length === 0 ? "" : ` Known: ${listed(names.map(quoted), "and", 10)}.`;
  if (schema !== undefined) knownNamesOf.set(schema, { names, words });
  return { names, words };
}

function badName(violation: Violation): Problem {
  const name = textAt(violation, "propertyName");
  const { instancePath, schema } = violation;
  const place = instancePath === "" ? "here" : `in ${subjectOf(instancePath)}`;
  const wanted = nameWords(schema);
  return {
    code: "property_names",
    pointer: memberPointer(instancePath, name),
    message: `The name ${quoted(name)} is not allowed ${place}${wanted === undefined ? "." : `: a name must be one that ${wanted}.`}`,
    found: quoted(name),
  };
}

function nameWords(schema: unknown): string | undefined {
  const max = valueAt(schema, "/maxLength");
  const min = valueAt(schema, "/minLength");
  const words =
    valueAt(schema, "/type") === undefined ? schemaWords(schema) : schemaWords({ ...Object(schema), type: undefined });
  if (words !== undefined && words !== "is something else") return words;
  if (typeof max === "number") return `has at most ${max} characters`;
  return typeof min === "number" ? `has at least ${min} characters` : undefined;
}

function explainUnion(violation: Violation): Problem[] {
  const { instancePath, keyword, data } = violation;
  const fault = unionFault(violation);
  const subject = subjectOf(instancePath);
  const base = { code: codeOf(keyword), pointer: instancePath };
  if (fault.kind === "branch") return explainBranch(violation, fault.causes, fault.because);
  if (fault.kind === "value") {
    const expected = listed(fault.expected, "or");
    const found = foundWords(fault.found);
    const message = `${subjectOf(fault.pointer)} must be ${expected}, but is ${found}.`;
    return [{ ...base, pointer: fault.pointer, message, expected, found }];
  }
  if (fault.kind === "members") {
    const expected = `${keyword === "oneOf" ? "exactly" : "at least"} one of ${listed(fault.names.map(quoted), "or")}`;
    return [{ ...base, message: `${subject} must have ${expected}, but has none of them.`, expected }];
  }
  if (fault.kind === "tag_missing") {
    const pointer = memberPointer(instancePath, fault.name);
    const expected = valueList(fault.values);
    return [{ code: "required", pointer, message: `${subjectOf(pointer)} is missing (${expected}).`, expected }];
  }
  return [{ ...base, message: `${subject} ${tooManyWords(violation, fault.passing)}`, found: foundWords(data) }];
}

function explainBranch(
  { instancePath, keyword }: Violation,
  causes: readonly Violation[],
  because: string | undefined,
): Problem[] {
  const subject = subjectOf(instancePath);
  const { problems } = explainAll(causes);
  if (problems.length === 0) {
    const message = `${subject} fits none of the forms that the schema allows.`;
    return [{ code: codeOf(keyword), pointer: instancePath, message }];
  }
  const reason =
    because === undefined
      ? `(Of the forms allowed for ${subject}, this is the closest.)`
      : `This applies because ${because}.`;
  return problems.map((problem) => ({ ...problem, message: `${problem.message} ${reason}` }));
}

function tooManyWords({ schema }: Violation, passing: readonly number[]): string {
  const branches: readonly unknown[] = Array.isArray(schema) ? schema : [];
  const required = passing.map((index) => valueAt(branches[index], "/required"));
  if (required.every((names) => Array.isArray(names) && names.length === 1)) {
    return `must have only one of ${listed(
      required.flat().map((name) => quoted(String(name))),
      "and",
    )}.`;
  }
  const titles = passing.map((index) => valueAt(branches[index], "/title"));
  const forms = titles.every((title) => typeof title === "string") ? ` (${listed(titles, "and")})` : "";
  return `fits ${passing.length} forms${forms}, but only one is allowed at a time.`;
}

function explainCondition(violation: Violation): Problem[] {
  const { params, instancePath } = violation;
  const causes: readonly Violation[] = Array.isArray(params["causes"]) ? params["causes"] : [];
  const condition = conditionWords(violation);
  const reason = condition === undefined ? "" : ` This applies because ${condition}.`;
  const { problems } = explainAll(causes);
  if (problems.length > 0) return problems.map((problem) => ({ ...problem, message: `${problem.message}${reason}` }));
  const message = `${subjectOf(instancePath)} does not fit the schema's condition.${reason}`;
  return [{ code: "not_allowed", pointer: instancePath, message }];
}

/** The condition of an `if` that asks for certain values: `"method" is "card"`. */
function conditionWords({ params, parentSchema, data }: Violation): string | undefined {
  const conditions = Object.entries(propertiesOf(parentSchema?.["if"])).filter(([, schema]) => isChoiceSchema(schema));
  const words = conditions.map(([name, schema]) => {
    if (params["failingKeyword"] === "else")
      return `${quoted(name)} is not ${schemaWords(schema)?.replace(/^is /, "") ?? ""}`;
    return `${quoted(name)} is ${valueText(valueAt(data, memberPointer("", name)))}`;
  });
  if (words.length === 0 || (params["failingKeyword"] === "else" && words.length > 1)) return undefined;
  return listed(words, "and");
}

function isChoiceSchema(schema: unknown): boolean {
  return valueAt(schema, "/const") !== undefined || valueAt(schema, "/enum") !== undefined;
}

function excluded({ instancePath, schema, data }: Violation): Problem {
  const base = { code: "not" as const, pointer: instancePath, found: foundWords(data) };
  const required = valueAt(schema, "/required");
  if (Array.isArray(required) && required.length > 0) {
    const names = listed(
      required.map((name) => quoted(String(name))),
      "and",
    );
    return {
      ...base,
      message: `${subjectOf(instancePath)} must not have ${names}${required.length > 1 ? " together" : ""}.`,
    };
  }
  const words = schemaWords(schema)
    ?.replace(/^is /, "be ")
    .replace(/^matches /, "match ");
  if (words !== undefined) return { ...base, message: `${subjectOf(instancePath)} must not ${words}.` };
  return { ...base, message: `${subjectOf(instancePath)} has a form that the schema rules out.` };
}

/** What a missing member should be: `a number`, `"EUR" or "USD"`. */
function expectedWords(schema: unknown): string | undefined {
  const choice = valueAt(schema, "/const");
  if (choice !== undefined) return valueText(choice);
  const values = valueAt(schema, "/enum");
  if (Array.isArray(values)) return valueList(values);
  const format = valueAt(schema, "/format");
  if (typeof format === "string") return schemaWords({ format })?.replace(/^is /, "");
  const type = valueAt(schema, "/type");
  return type === undefined ? undefined : typeWords(type);
}

/** What the schema itself says of a value, as one more sentence. */
function saying(schema: unknown): string {
  const own = valueAt(schema, "/description") ?? valueAt(schema, "/title");
  const description = own ?? valueAt(resolveReference(schema), "/description");
  if (typeof description !== "string" || description.trim() === "") return "";
  const text = escapeUnsafe(description.trim().replaceAll(/\s+/g, " "));
  const shown = text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION - 1)}…`;
  return ` The schema says: ${shown}${/[.!?…]$/.test(shown) ? "" : "."}`;
}

function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  const properties = valueAt(schema, "/properties");
  return typeof properties === "object" && properties !== null ? Object(properties) : {};
}

function propertySchema(schema: unknown, name: string): unknown {
  return valueAt(valueAt(schema, "/properties"), memberPointer("", name));
}

function textAt({ params }: Violation, name: string): string {
  return String(params[name]);
}
