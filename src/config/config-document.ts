import assert from "node:assert/strict";
import { LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml";
import type { Alias, Document, Node, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { byPlace, formatPath } from "./config-problem.ts";
import type { ConfigPath, ConfigProblem } from "./config-problem.ts";
import { substituteEnv } from "./substitute-env.ts";
import type { Env } from "./substitute-env.ts";

/** In characters. Far above any real configuration: a file that is larger was named by mistake. */
export const MAX_CONFIG_LENGTH = 1024 * 1024;

/** Bounds what aliases of aliases can unfold to. */
const MAX_VALUES = 20_000;

// `{` and `}` would end a plain scalar inside `[ ]` and `{ }`. While the text is parsed, those of
// a variable are other characters (of the private use area), each of the same length, so that
// `port: ${PORT}` works everywhere and positions stay true.
const OPEN = "\uE000";
const CLOSE = "\uE001";

/** Where a value stands in the file, and which environment variables went into it. */
interface Place {
  readonly keyOffset: number;
  readonly valueOffset: number;
  readonly variables: readonly string[];
}

/** A value that was a single `${NAME}`: it is text until somebody knows what its place takes. */
export interface WholeVariable {
  readonly path: ConfigPath;
  readonly text: string;
}

/**
 * A configuration file as plain values, with the place of each.
 *
 * It reads YAML 1.2, of which JSON is a part; without tags, merge keys and duplicate keys.
 * Variables are filled in after parsing, so a value cannot inject structure.
 */
export class ConfigDocument {
  /** `undefined` when the text could not be understood; then there are problems. */
  readonly value: unknown;
  readonly problems: ConfigProblem[] = [];
  readonly warnings: ConfigProblem[] = [];
  readonly wholeVariables: WholeVariable[] = [];
  readonly #file: string;
  readonly #env: Env;
  readonly #lines = new LineCounter();
  readonly #places = new Map<string, Place>();
  readonly #document: Document;
  readonly #open = new Set<Node>();
  #values = 0;

  constructor(text: string, file: string, env: Env) {
    this.#file = file;
    this.#env = env;
    this.#document = parseDocument(
      text.replaceAll(/(?<!\$)\$\{([A-Za-z_]\w*(?::-[^}\n]*)?)\}/g, `$$${OPEN}$1${CLOSE}`),
      { schema: "core", lineCounter: this.#lines, prettyErrors: false, logLevel: "error" },
    );
    const readable = this.#reportSyntax();
    const root = this.#document.contents;
    this.value = readable && root !== null ? this.#read(root, [], root.range?.[0] ?? 0) : undefined;
    this.problems.sort(byPlace);
  }

  /** A problem with the value at `path`, or with what should be there. */
  problemAt(path: ConfigPath, message: string, part: "key" | "value" = "value"): ConfigProblem {
    let offset = 0;
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(formatPath(path.slice(0, length)));
      if (place === undefined) continue;
      offset = length === path.length && part === "value" ? place.valueOffset : place.keyOffset;
      break;
    }
    return { ...this.#position(offset), path: formatPath(path), message };
  }

  /** The environment variables that went into the value at `path`. */
  variablesIn(path: ConfigPath): readonly string[] {
    return this.#places.get(formatPath(path))?.variables ?? [];
  }

  #position(offset: number): { file: string; line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** False when the text makes no sense as YAML, so that its values would only mislead. */
  #reportSyntax(): boolean {
    let readable = true;
    const lines = new Set<number>();
    for (const error of this.#document.errors) {
      const position = this.#position(error.pos[0]);
      if (error.code !== "DUPLICATE_KEY") readable = false;
      // A second error on a line, and any after the parser lost its way, is an echo of the first.
      if (lines.has(position.line)) continue;
      lines.add(position.line);
      this.problems.push({ ...position, path: "", message: syntaxMessage(error.code, withBraces(error.message)) });
      if (error.code === "UNEXPECTED_TOKEN" || error.code === "RESOURCE_EXHAUSTION") break;
    }
    return readable;
  }

  #read(node: Node, path: ConfigPath, keyOffset: number): unknown {
    this.#values++;
    if (this.#values > MAX_VALUES) {
      if (this.#values === MAX_VALUES + 1) this.#report(path, `more than ${MAX_VALUES} values; do aliases multiply?`);
      return undefined;
    }
    const key = formatPath(path);
    const offset = node.range?.[0] ?? keyOffset;
    const inline = isAlias(node) || (isScalar(node) && node.value !== null);
    // An empty value has no place of its own, and a section is best found by its key.
    this.#places.set(key, { keyOffset, valueOffset: inline ? offset : keyOffset, variables: [] });
    if (isAlias(node)) return this.#readAlias(node, path, keyOffset);
    if (node.tag !== undefined) this.#report(path, `the tag ${node.tag} is not supported; write the plain value`);
    if (isScalar(node)) return this.#readScalar(node, path);
    if (isSeq(node)) return this.#readList(node, path);
    assert(isMap(node), "a YAML node is an alias, a scalar, a list or a mapping");
    return this.#readMapping(node, path);
  }

  #readAlias(alias: Alias, path: ConfigPath, keyOffset: number): unknown {
    const target = alias.resolve(this.#document);
    if (target === undefined) return this.#report(path, `no anchor &${alias.source} comes before the alias`);
    if (this.#open.has(target)) return this.#report(path, `the alias *${alias.source} is inside its own anchor`);
    return this.#read(target, path, keyOffset);
  }

  #readScalar(scalar: Scalar, path: ConfigPath): unknown {
    if (typeof scalar.value !== "string") return scalar.value;
    const { text, variables, whole, problems, empty } = substituteEnv(withBraces(scalar.value), this.#env);
    for (const problem of problems) this.#report(path, problem);
    for (const name of empty) {
      this.warnings.push(this.problemAt(path, `the environment variable ${name} is set but empty`));
    }
    const place = this.#places.get(formatPath(path));
    if (place !== undefined) this.#places.set(formatPath(path), { ...place, variables });
    if (whole && problems.length === 0) this.wholeVariables.push({ path, text });
    return text;
  }

  #readList(list: YAMLSeq, path: ConfigPath): unknown[] {
    this.#open.add(list);
    const values: unknown[] = [];
    for (const [index, node] of list.items.entries()) {
      assert(isNode(node), "a list of a parsed document holds nodes");
      values.push(this.#read(node, [...path, index], node.range?.[0] ?? 0));
    }
    this.#open.delete(list);
    return values;
  }

  #readMapping(mapping: YAMLMap, path: ConfigPath): Record<string, unknown> {
    this.#open.add(mapping);
    // Without a prototype, so that a key such as `__proto__` is a key like any other.
    const values: Record<string, unknown> = Object.create(null);
    for (const pair of mapping.items) {
      const { key, value } = pair;
      if (!isScalar(key)) {
        this.#report(path, "a key must be plain text");
        continue;
      }
      const name = withBraces(String(key.value));
      values[name] = isNode(value) ? this.#read(value, [...path, name], key.range?.[0] ?? 0) : null;
    }
    this.#open.delete(mapping);
    return values;
  }

  #report(path: ConfigPath, message: string): undefined {
    this.problems.push(this.problemAt(path, message));
  }
}

function withBraces(text: string): string {
  return text.replaceAll(OPEN, "{").replaceAll(CLOSE, "}");
}

/** The parser's own words where they serve, ours where a person would ask what they mean. */
function syntaxMessage(code: string, message: string): string {
  switch (code) {
    case "DUPLICATE_KEY":
      return "this key stands here twice; keep one of the two";
    case "MULTIPLE_DOCS":
      return "a second document begins here; the configuration is a single one";
    case "TAB_AS_INDENT":
      return "a tab is used to indent; YAML takes spaces only";
    case "RESOURCE_EXHAUSTION":
      return "nested too deeply";
    default:
      return `not valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  }
}
