import type { Violation } from "./explaining-keywords.ts";
import { memberPointer, valueAt } from "./event-pointer.ts";
import { typeWords, valueText } from "./value-words.ts";

/** The one thing to say about data that fits no branch of an `anyOf` or `oneOf`, or too many. */
export type UnionFault =
  /** Each branch asks for another kind of value here: `a string`, `null`. */
  | { readonly kind: "value"; readonly pointer: string; readonly found: unknown; readonly expected: readonly string[] }
  /** Each branch lacks one member, or all lack the one that tells them apart. */
  | { readonly kind: "members"; readonly names: readonly string[] }
  | { readonly kind: "tag_missing"; readonly name: string; readonly values: readonly unknown[] }
  | { readonly kind: "too_many"; readonly passing: readonly number[] }
  /** The branch most likely meant, and what is wrong with the data in its terms. */
  | { readonly kind: "branch"; readonly causes: readonly Violation[]; readonly because: string | undefined };

type Branch = readonly Violation[];

/** Picks the branch that the sender most likely meant, so that a message need not list them all. */
export function unionFault(union: Violation): UnionFault {
  // `passingSchemas` is Ajv's own, where the errors are not a tree.
  const passing = numbersAt(union.params["passing"] ?? union.params["passingSchemas"]);
  if (passing.length > 1) return { kind: "too_many", passing };
  const branches = branchesAt(union.params["branches"]).filter((branch) => branch.length > 0);
  return (
    valueFault(branches, union.instancePath, union.data) ??
    membersFault(branches, union.instancePath) ??
    taggedFault(branches, union) ??
    missingTagFault(branches, union.instancePath) ?? {
      kind: "branch",
      causes: fewestErrors(branches, union.instancePath),
      because: undefined,
    }
  );
}

/** All branches refuse the value at the pointer itself, each for its type or for not being a certain value. */
function valueFault(branches: readonly Branch[], pointer: string, found: unknown): UnionFault | undefined {
  const expected: string[] = [];
  for (const branch of branches) {
    const own = branch.filter((cause) => cause.instancePath === pointer);
    const cause = own.find(isChoice) ?? own.find((other) => other.keyword === "type");
    if (cause === undefined || own.length < branch.length) return undefined;
    expected.push(...expectedBy(cause));
  }
  return expected.length === 0 ? undefined : { kind: "value", pointer, found, expected };
}

function expectedBy({ keyword, params, schema }: Violation): string[] {
  if (keyword === "type") return [params["type"]].flat().map(typeWords);
  return keyword === "enum" && Array.isArray(schema) ? schema.map(valueText) : [valueText(schema)];
}

/** Each branch only lacks a member of the object itself: any of them would do. */
function membersFault(branches: readonly Branch[], pointer: string): UnionFault | undefined {
  const names: string[] = [];
  for (const branch of branches) {
    const [cause] = branch;
    if (branch.length !== 1 || cause?.keyword !== "required" || cause.instancePath !== pointer) return undefined;
    names.push(missingName(cause));
  }
  return new Set(names).size < 2 ? undefined : { kind: "members", names };
}

/** The data has the member that tells the branches apart (a `const` or `enum` in each): its value decides. */
function taggedFault(branches: readonly Branch[], union: Violation): UnionFault | undefined {
  for (const pointer of tagPointers(branches, union.instancePath)) {
    const name = pointer.slice(union.instancePath.length);
    const found = valueAt(union.data, name);
    const refusing = branches.filter((branch) =>
      branch.some((cause) => isChoice(cause) && cause.instancePath === pointer),
    );
    const matching = branches.filter((branch) => !refusing.includes(branch));
    if (matching.length === 0) {
      const choices = refusing.flatMap((branch) =>
        branch.filter((cause) => isChoice(cause) && cause.instancePath === pointer),
      );
      return { kind: "value", pointer, found, expected: choices.flatMap(expectedBy) };
    }
    if (matching.length > 1 && refusing.some((branch) => !branch.some((cause) => cause.keyword === "const"))) continue;
    const causes = fewestErrors(matching, union.instancePath);
    // A branch of another type than the data does not look at the member at all.
    if (causes.some((cause) => cause.instancePath === union.instancePath && cause.keyword === "type")) continue;
    return { kind: "branch", causes, because: `"${name.slice(1)}" is ${valueText(found)}` };
  }
  return undefined;
}

function tagPointers(branches: readonly Branch[], pointer: string): Set<string> {
  const isMember = (cause: Violation) => cause.instancePath.lastIndexOf("/") === pointer.length;
  return new Set(
    branches.flatMap((branch) =>
      branch.filter((cause) => isChoice(cause) && isMember(cause)).map((cause) => cause.instancePath),
    ),
  );
}

/** The data lacks the member that tells the branches apart. */
function missingTagFault(branches: readonly Branch[], pointer: string): UnionFault | undefined {
  const lacking = (branch: Branch) =>
    branch.filter((cause) => cause.keyword === "required" && cause.instancePath === pointer);
  const [first, ...others] = branches.map(lacking);
  for (const name of (first ?? []).map(missingName)) {
    if (!others.every((causes) => causes.some((cause) => missingName(cause) === name))) continue;
    const values = branches.map((branch) => tagValue(lacking(branch), name));
    if (values.every((value) => value !== undefined)) return { kind: "tag_missing", name, values };
  }
  return undefined;
}

function tagValue(causes: readonly Violation[], name: string): unknown {
  const properties: unknown = causes.find((cause) => missingName(cause) === name)?.parentSchema?.["properties"];
  const schema = valueAt(properties, memberPointer("", name));
  return valueAt(schema, "/const");
}

/** The branch with the fewest errors, and of a type that the data has if there is one. */
function fewestErrors(branches: readonly Branch[], pointer: string): Branch {
  const cost = (branch: Branch) =>
    branch.length + (branch.some((cause) => cause.keyword === "type" && cause.instancePath === pointer) ? 1_000 : 0);
  return branches.toSorted((a, b) => cost(a) - cost(b))[0] ?? [];
}

function isChoice(cause: Violation): boolean {
  return cause.keyword === "const" || cause.keyword === "enum";
}

function missingName(cause: Violation): string {
  return String(cause.params["missingProperty"]);
}

function branchesAt(value: unknown): readonly Branch[] {
  return Array.isArray(value) ? value.filter((branch): branch is Branch => Array.isArray(branch)) : [];
}

function numbersAt(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((index) => typeof index === "number") : [];
}
