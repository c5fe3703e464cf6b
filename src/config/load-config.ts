import { isScalar, parseDocument } from "yaml";
import type { z } from "zod";
import { ConfigDocument, MAX_CONFIG_LENGTH } from "./config-document.ts";
import { byPlace, formatProblem } from "./config-problem.ts";
import type { ConfigPath, ConfigProblem } from "./config-problem.ts";
import { takesOnlyText } from "./describe-type.ts";
import { IssueExplainer, NO_MESSAGE } from "./explain-issues.ts";
import { childOf, type JsonSchema, schemaAt, toJsonSchema } from "./json-schema.ts";
import type { Env } from "./substitute-env.ts";

export type ParsedConfig<T> =
  | {
      readonly kind: "ok";
      readonly config: T;
      /** What is allowed but probably not meant, each with its place. */
      readonly warnings: readonly string[];
      /** For checks beyond the schema: a problem with the value at `path`, with its place in the file. */
      problemAt(path: ConfigPath, message: string): ConfigProblem;
    }
  /** At least one, in the order of the file. */
  | { readonly kind: "problems"; readonly problems: readonly ConfigProblem[] };

/**
 * Reads a configuration from YAML or JSON: parses it, fills in environment variables,
 * and checks it against the schema. Bad input is an answer that lists everything that
 * is wrong, never an exception.
 *
 * @param file the file's name as the user knows it; it is not opened
 */
export function parseConfig<S extends z.ZodType>(
  text: string,
  file: string,
  schema: S,
  env: Env,
): ParsedConfig<z.infer<S>> {
  if (text.length > MAX_CONFIG_LENGTH) {
    const message = `larger than ${MAX_CONFIG_LENGTH} characters; is it the right file?`;
    return { kind: "problems", problems: [{ file, line: 1, column: 1, path: "", message }] };
  }
  const document = new ConfigDocument(text, file, env);
  if (document.value === undefined && document.problems.length > 0) {
    return { kind: "problems", problems: document.problems };
  }
  // An empty file is a configuration of defaults.
  const value = document.value ?? {};
  // JSON has no comments, so editors find the schema by this key.
  if (typeof value === "object") Reflect.deleteProperty(value, "$schema");
  // Made only for those who need it: it takes longer than all else here.
  let made: JsonSchema | undefined;
  const jsonSchema = () => (made ??= toJsonSchema(schema));
  for (const variable of document.wholeVariables) {
    const place = schemaAt(jsonSchema(), value, variable.path);
    if (place !== undefined && takesOnlyText(place)) continue;
    setAt(value, variable.path, asYamlWould(variable.text));
  }

  const result = schema.safeParse(value, { error: () => NO_MESSAGE });
  if (result.success && document.problems.length === 0) {
    return {
      kind: "ok",
      config: result.data,
      warnings: document.warnings.map(formatProblem),
      problemAt: (path, message) => document.problemAt(path, message),
    };
  }
  const explainer = new IssueExplainer(document, value, jsonSchema());
  const known = new Set(document.problems.map((problem) => problem.path));
  const issues = (result.error?.issues ?? []).flatMap((issue) => explainer.explain(issue));
  // Where a value could not even be read, what the schema makes of the rest is no news.
  const news = issues.filter((problem) => problem.path === "" || !known.has(problem.path));
  return { kind: "problems", problems: [...document.problems, ...news].toSorted(byPlace) };
}

/** The number or the truth value that the text would be if it stood in the file, else the text. */
function asYamlWould(text: string): unknown {
  const scalar = parseDocument(text, { schema: "core", logLevel: "silent" });
  if (scalar.errors.length > 0 || !isScalar(scalar.contents)) return text;
  const { value } = scalar.contents;
  return typeof value === "number" || typeof value === "boolean" ? value : text;
}

function setAt(root: unknown, path: ConfigPath, value: unknown): void {
  const key = path.at(-1);
  const parent = path.slice(0, -1).reduce(childOf, root);
  if (key !== undefined && typeof parent === "object" && parent !== null) Reflect.set(parent, key, value);
}
