import type { z } from "zod";
import { nearestName } from "../core/nearest-name.ts";
import type { ConfigDocument } from "./config-document.ts";
import type { ConfigPath, ConfigProblem } from "./config-problem.ts";
import { describeType } from "./describe-type.ts";
import { branchFor, childOf, schemaAt } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";

type Issue = z.core.$ZodIssue;

/** Stands for "the schema gives no message of its own"; passed to zod as the message of every issue. */
export const NO_MESSAGE = "";

/** Keys whose values are not quoted, even where they stand in the file itself. The path of a URL can be a secret, too. */
const SECRET = /^keys?$|^pass$|^url$|^headers$|writeKey|secret|token|password|credential/i;

/** Longest quotation of what was found. */
const MAX_QUOTED = 60;

/** Turns what zod found wrong into problems in words, each with its place in the file. */
export class IssueExplainer {
  readonly #document: ConfigDocument;
  readonly #value: unknown;
  readonly #schema: JsonSchema;

  constructor(document: ConfigDocument, value: unknown, schema: JsonSchema) {
    this.#document = document;
    this.#value = value;
    this.#schema = schema;
  }

  explain(issue: Issue, parent: ConfigPath = []): ConfigProblem[] {
    const path = [...parent, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => this.#unknownKey(path, key));
    if (issue.code === "invalid_union") return this.#noBranch(issue, path);
    return [this.#mismatch(path, issue.message)];
  }

  #unknownKey(path: ConfigPath, key: string): ConfigProblem {
    const section = schemaAt(this.#schema, this.#value, path);
    const branch = section === undefined ? undefined : branchFor(section, valueAt(this.#value, path));
    const known = Object.keys(branch?.properties ?? {});
    const meant = nearestName(key, known);
    const hint = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean ${meant}?`;
    return this.#document.problemAt([...path, key], `unknown key; ${hint}`, "key");
  }

  #noBranch(issue: Extract<Issue, { code: "invalid_union" }>, path: ConfigPath): ConfigProblem[] {
    if (issue.message !== NO_MESSAGE) return [this.#mismatch(path, issue.message)];
    // A branch whose problems all lie further inside is the one that was meant.
    const meant = issue.errors.find((branch) => branch.every(isInside));
    if (meant !== undefined && meant.length > 0) return meant.flatMap((inner) => this.explain(inner, path));
    const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    if (options.length === 0) return [this.#mismatch(path, NO_MESSAGE)];
    const found = valueAt(this.#value, path);
    const expected = `expected one of ${options.join(", ")}`;
    if (found === undefined) return [this.#document.problemAt(path, `is missing; ${expected}`)];
    const likely = typeof found === "string" ? nearestName(found, options) : undefined;
    const hint = likely === undefined ? "" : `; did you mean ${likely}?`;
    return [this.#document.problemAt(path, `${expected}; found ${this.#found(path, found)}${hint}`)];
  }

  #mismatch(path: ConfigPath, message: string): ConfigProblem {
    const found = valueAt(this.#value, path);
    const schema = schemaAt(this.#schema, this.#value, path);
    const expected = schema === undefined ? "another value" : describeType(schema);
    if (found === undefined) {
      const meaning = schema?.description === undefined ? "" : `: ${schema.description}`;
      const words = message === NO_MESSAGE ? `is missing; expected ${expected}${meaning}` : message;
      return this.#document.problemAt(path, words);
    }
    if (found === null) {
      const otherwise = schema?.default === undefined ? "" : ", or leave the key out";
      return this.#document.problemAt(path, `is empty; expected ${expected}${otherwise}`);
    }
    const words = message === NO_MESSAGE ? `expected ${expected}` : message;
    const composite = typeof found === "object";
    const complete = message.endsWith(".") || (composite && message !== NO_MESSAGE);
    if (complete) return this.#document.problemAt(path, words);
    return this.#document.problemAt(path, `${words}; found ${this.#found(path, found)}`);
  }

  #found(path: ConfigPath, value: unknown): string {
    const [variable] = this.#document.variablesIn(path);
    if (variable !== undefined) return `the value of \${${variable}}`;
    if (Array.isArray(value)) return `a list of ${value.length}`;
    if (typeof value === "object") return "a section";
    if (path.some((step) => SECRET.test(String(step)))) return "a value that is not shown here";
    const text = JSON.stringify(value);
    return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  }
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce(childOf, value);
}

function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === "unrecognized_keys";
}
