import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { MillraceError } from "../core/errors.ts";
import type { EventValidator, ValidationProblem, Verdict } from "../core/validation.ts";
import type { CompiledSchema } from "./compiled-schema.ts";
import { isSmall } from "./data-size.ts";
import type { Violation } from "./explaining-keywords.ts";
import { nearestName } from "../core/nearest-name.ts";
import { explainViolations } from "./problem-words.ts";
import { SchemaCompiler } from "./schema-compiler.ts";
import { readSchemaFiles, type SchemaFile } from "./schema-files.ts";
import type { SchemasConfig } from "./config.ts";
import { compareVersions, mustHaveVersion, preferredVersion, versionNamed } from "./schema-version.ts";
import { foundWords, listed, quoted } from "./value-words.ts";

const VALID: Verdict = { kind: "valid" };

/** One schema in force. */
interface RegisteredSchema {
  readonly compiled: CompiledSchema;
  readonly version: string | undefined;
  /** The file's text, as it is served. */
  readonly text: string;
  /** Path on the collector: `/v1/schemas/checkout.paid/2`; `undefined` when schemas are not served. */
  readonly link: string | undefined;
}

/** The schemas of one event type. */
interface TypeSchemas {
  readonly preferred: RegisteredSchema;
  readonly byVersion: ReadonlyMap<string, RegisteredSchema>;
}

/**
 * The schemas of all event types, compiled. Immutable: a reload makes a new one.
 *
 * An event whose type has a schema must have `data`, and it must fit. Which version applies: the one that
 * `dataschema` names, else the unversioned file, else the highest version.
 *
 * Invariant: what a sender writes is looked up in maps only, and never reaches the file system or the network.
 */
export class SchemaRegistry implements EventValidator {
  readonly #types: ReadonlyMap<string, TypeSchemas>;

  /** A registry without schemas: every type is unknown. `loadSchemas` makes the others. */
  constructor(types: ReadonlyMap<string, TypeSchemas> = new Map()) {
    this.#types = types;
  }

  /** The event types that have a schema, sorted. */
  types(): readonly string[] {
    return [...this.#types.keys()].toSorted();
  }

  /** The named versions of a type, oldest first; none if it only has an unversioned schema. */
  versions(type: string): readonly string[] {
    return [...(this.#types.get(type)?.byVersion.keys() ?? [])];
  }

  /** The schema document in JSON; without `version` the one that applies to events that name none. */
  source(type: string, version?: string): string | undefined {
    const schemas = this.#types.get(type);
    return (version === undefined ? schemas?.preferred : schemas?.byVersion.get(version))?.text;
  }

  /** `data` must be parsed JSON, and no deeper than the caller's limits allow. */
  validate(type: string, dataschema: string | undefined, data: unknown): Verdict {
    const schemas = this.#types.get(type);
    if (schemas === undefined) return new UnknownType(type, this.#types);
    let schema = schemas.preferred;
    if (dataschema !== undefined && !(schemas.byVersion.size === 0 && mustHaveVersion(dataschema))) {
      const version = versionNamed(dataschema, type);
      const named = version === undefined ? schema : schemas.byVersion.get(version);
      if (named === undefined) return unknownVersion(type, version ?? "", schemas);
      schema = named;
    }
    try {
      if (data === undefined) return missingData(type, schema);
      return schema.compiled.check(data) ? VALID : invalid(schema, data);
    } catch (error) {
      // Data can exhaust two things: the stack, through recursive schemas and regular expressions, and the steps.
      if (error instanceof RangeError) return { kind: "invalid", problems: [tooComplex(schema)] };
      throw error;
    }
  }
}

/** The verdict on a type without schema. The nearest type is looked for only when the problems are read. */
class UnknownType {
  readonly kind = "unknown_type";
  readonly #type: string;
  readonly #known: ReadonlyMap<string, unknown>;

  constructor(type: string, known: ReadonlyMap<string, unknown>) {
    this.#type = type;
    this.#known = known;
  }

  get problems(): readonly ValidationProblem[] {
    const near = nearestName(this.#type, this.#known.keys());
    const hint = near === undefined ? "." : `; did you mean ${quoted(near)}?`;
    const message = `There is no schema for the type ${quoted(this.#type)}${hint}`;
    return [{ code: "unknown_type", pointer: "/type", message, found: quoted(this.#type) }];
  }
}

function unknownVersion(type: string, version: string, { preferred, byVersion }: TypeSchemas): Verdict {
  const known = [...byVersion.keys()].map((name) => quoted(name));
  const expected = known.length === 0 ? "no dataschema" : listed(known, "or");
  const has = known.length === 0 ? "its schema has no versions" : `it has ${listed(known, "and")}`;
  const message = `${quoted(type)} has no schema version ${quoted(version)}; ${has}.`;
  const found = quoted(version);
  const problem = {
    code: "unknown_schema_version",
    pointer: "/dataschema",
    message,
    expected,
    found,
    schema: preferred.link,
  };
  return { kind: "invalid", problems: [problem] };
}

function missingData(type: string, schema: RegisteredSchema): Verdict {
  const hint = schema.compiled.check({}) ? ' Send "data": {} if there is nothing to say.' : "";
  const message = `"data" is missing: events of type ${quoted(type)} need it.${hint}`;
  return { kind: "invalid", problems: [{ code: "required", pointer: "/data", message, schema: schema.link }] };
}

function tooComplex({ link }: RegisteredSchema): ValidationProblem {
  const message = '"data" is nested too deeply, has too long a string, or takes too many steps, to be checked.';
  return { code: "too_complex", pointer: "/data", message, schema: link };
}

/** The verdict on data that `check` just refused. The words are made when they are read first: many never are. */
function invalid(schema: RegisteredSchema, data: unknown): Verdict {
  const first = firstWhole(schema.compiled.takeFirst());
  let problems: readonly ValidationProblem[] | undefined;
  return {
    kind: "invalid",
    get problems() {
      problems ??= explain(schema, data, first);
      return problems;
    },
  };
}

/**
 * Why `check` refused the data. All reasons for data of ordinary size; only the first for larger data, and for
 * data that a recursive schema would take too long to explain, since the work is in the sender's hands.
 */
function explain(schema: RegisteredSchema, data: unknown, first: readonly Violation[]): ValidationProblem[] {
  try {
    const all = isSmall(data) ? schema.compiled.explain(data) : undefined;
    const problems = explainViolations(all ?? first);
    if (all === undefined) {
      const message = 'The event is large or complex, so only its first problem is shown. "data" may have more.';
      problems.push({ code: "more_problems", pointer: "/data", message, found: foundWords(data) });
    }
    return problems.map((problem) => ({ ...problem, schema: schema.link }));
  } catch (error) {
    if (error instanceof RangeError) return [tooComplex(schema)];
    throw error;
  }
}

/** The first of a flat list of errors, or the union that it is only one branch of. */
function firstWhole(violations: readonly Violation[]): Violation[] {
  const first = violations[0];
  assert(first !== undefined, "data is refused for a reason");
  const holds = ({ keyword, instancePath }: Violation) =>
    (keyword === "anyOf" || keyword === "oneOf" || keyword === "contains") &&
    first.instancePath.startsWith(instancePath);
  return [violations.find(holds) ?? first];
}

/** The text of all schemas, as they were read at one time. Can be sent to another process. */
export interface SchemaTexts {
  readonly files: readonly SchemaFile[];
  /** What could not be read or understood. */
  readonly problems: readonly string[];
}

/**
 * Reads and compiles all schemas of a directory: `<event type>.json` and `<event type>/<version>.json`;
 * files and folders that begin with `_` hold shared parts for `$ref`. Without a directory there are no schemas.
 *
 * Throws `schema_invalid` with all problems of all files.
 */
export async function loadSchemas(config: SchemasConfig): Promise<SchemaRegistry> {
  return compileSchemas(config, await readSchemas(config));
}

/** The first half of `loadSchemas`. Throws `schema_invalid` when the directory cannot be read. */
export async function readSchemas({ dir }: SchemasConfig): Promise<SchemaTexts> {
  if (dir === undefined) return { files: [], problems: [] };
  return readSchemaFiles(dir).catch((error: unknown) => {
    throw new MillraceError("schema_invalid", `cannot read the schema directory ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  });
}

/**
 * The second half of `loadSchemas`. Throws `schema_invalid` with all problems of all files.
 *
 * @param wereChecked the same texts were compiled without a problem before, perhaps in another process
 */
export async function compileSchemas(
  { dir, expose }: SchemasConfig,
  texts: SchemaTexts,
  wereChecked = false,
): Promise<SchemaRegistry> {
  const { files } = texts;
  const problems = [...texts.problems];
  const compiler = new SchemaCompiler(files);
  const usable: SchemaFile[] = [];
  for (const file of files) {
    const found = compiler.add(file, wereChecked);
    if (found.length === 0) usable.push(file);
    for (const problem of found) problems.push(`${file.path}: ${problem}`);
    await setImmediate();
  }
  const types = new Map<string, RegisteredSchema[]>();
  for (const file of usable) {
    const compiled = compiler.compile(file);
    // Compiling takes milliseconds, and a reload must not hold up the events that are coming in.
    await setImmediate();
    if (typeof compiled === "string") problems.push(`${file.path}: ${compiled}`);
    else if (file.type !== undefined)
      types.set(file.type, [...(types.get(file.type) ?? []), register(file, file.type, compiled, expose)]);
  }
  if (problems.length > 0) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    throw new MillraceError(
      "schema_invalid",
      `${count} in the schemas of ${dir}:\n${problems.map((line) => `  ${line}`).join("\n")}`,
    );
  }
  return new SchemaRegistry(new Map([...types].map(([type, schemas]) => [type, ordered(schemas)])));
}

function register(file: SchemaFile, type: string, compiled: CompiledSchema, expose: boolean): RegisteredSchema {
  const { version, text } = file;
  const path = `/v1/schemas/${encodeURIComponent(type)}${version === undefined ? "" : `/${version}`}`;
  return { compiled, version, text, link: expose ? path : undefined };
}

function ordered(schemas: readonly RegisteredSchema[]): TypeSchemas {
  const sorted = schemas.toSorted((a, b) => compareVersions(a.version ?? "", b.version ?? ""));
  const preferred = preferredVersion(sorted);
  assert(preferred !== undefined, "a type has at least one schema");
  const named = sorted.flatMap((schema) => (schema.version === undefined ? [] : [[schema.version, schema] as const]));
  return { preferred, byVersion: new Map(named) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
