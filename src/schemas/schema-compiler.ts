import { Ajv2020, MissingRefError } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { CompiledSchema } from "./compiled-schema.ts";
import { addExplainingKeywords } from "./explaining-keywords.ts";
import { explainSchemaProblems } from "./problem-words.ts";
import { addSafeKeywords } from "./safe-keywords.ts";
import { checkSchema } from "./schema-check.ts";
import { addDocument, type DocumentTable, noteReferences } from "./schema-references.ts";
import type { SchemaFile } from "./schema-files.ts";
import { limitSteps, StepLimit } from "./step-limit.ts";
import { stopAtFirstError } from "./stop-at-first-error.ts";

/** Names every object inherits. Telling them from own members costs 90 ns an event, so only schemas that use one pay. */
const INHERITED = new RegExp(`"(${Object.getOwnPropertyNames(Object.prototype).join("|")})"`);

/** The `url` format takes quadratic time on long strings. */
const MAX_URL_LENGTH = 2_048;

/** References followed to check a schema document itself, which its owner wrote; more than any document takes. */
const MAX_DOCUMENT_STEPS = 100_000_000;

/**
 * Compiles schema documents that may refer to each other by `$id` or by relative file name.
 * Nothing is ever fetched: a reference that no file answers is a problem.
 */
export class SchemaCompiler {
  readonly #checking: Ajv2020;
  readonly #explaining: Ajv2020;
  readonly #checkingLimit = new StepLimit();
  readonly #explainingLimit = new StepLimit();
  readonly #formats: ReadonlySet<string>;
  readonly #documents: DocumentTable = new Map();
  readonly #bases = new Map<SchemaFile, string>();

  constructor(files: readonly SchemaFile[]) {
    const ownProperties = files.some((file) => INHERITED.test(file.text));
    this.#checking = createAjv({ ownProperties, allErrors: false });
    stopAtFirstError(this.#checking);
    limitSteps(this.#checking, this.#checkingLimit);
    this.#explaining = createAjv({ ownProperties, allErrors: true });
    addExplainingKeywords(this.#explaining);
    limitSteps(this.#explaining, this.#explainingLimit);
    this.#formats = new Set(Object.keys(this.#checking.formats));
  }

  /**
   * Takes a file in, so that others can refer to it. Returns what is wrong with it.
   *
   * @param wasChecked nothing is: it was looked for before, which takes longer than all else here
   */
  add(file: SchemaFile, wasChecked = false): readonly string[] {
    const { document } = file;
    try {
      const { problems, extensions } = checkSchema(document, this.#formats);
      if (problems.length > 0) return problems;
      for (const ajv of [this.#checking, this.#explaining]) {
        for (const keyword of extensions) {
          if (ajv.getKeyword(keyword) === false) ajv.addKeyword(keyword);
        }
      }
      this.#explainingLimit.left = MAX_DOCUMENT_STEPS;
      if (!wasChecked && this.#explaining.validateSchema(document) !== true) {
        return explainSchemaProblems(this.#explaining.errors ?? []);
      }
      this.#checking.addSchema(document, urlOf(file));
      this.#explaining.addSchema(document, urlOf(file));
      this.#bases.set(file, addDocument(this.#documents, urlOf(file), document));
      return [];
    } catch (error) {
      return [compileProblem(error)];
    }
  }

  /** Compiles a file that was added, once all were; or says why it cannot be. */
  compile(file: SchemaFile): CompiledSchema | string {
    try {
      const check = this.#checking.getSchema(urlOf(file));
      const explain = this.#explaining.getSchema(urlOf(file));
      if (check === undefined || explain === undefined) return "cannot be compiled";
      noteReferences(this.#documents, this.#bases.get(file) ?? urlOf(file), file.document);
      return new CompiledSchema(
        { validate: check, limit: this.#checkingLimit },
        { validate: explain, limit: this.#explainingLimit },
      );
    } catch (error) {
      return compileProblem(error);
    }
  }
}

function createAjv(options: { ownProperties: boolean; allErrors: boolean }): Ajv2020 {
  const ajv = new Ajv2020({
    ...options,
    strictSchema: true,
    // These would refuse schemas that are correct and common, such as `required` alone in an `anyOf`.
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    // Ajv's own words are not used; the words here need the schema and the data at fault.
    messages: false,
    verbose: true,
    validateSchema: false,
    logger: false,
  });
  addFormats.default(ajv, { mode: "full" });
  const url = addFormats.default.get("url");
  if (url instanceof RegExp) {
    ajv.addFormat("url", (text: string) => text.length <= MAX_URL_LENGTH && url.test(text));
  }
  addSafeKeywords(ajv);
  return ajv;
}

/** The address a file has among the schemas, which relative references start from. Never looked up anywhere. */
function urlOf(file: SchemaFile): string {
  return `file:///${file.path.split("/").map(encodeURIComponent).join("/")}`;
}

function compileProblem(error: unknown): string {
  if (error instanceof MissingRefError) {
    const url = error.missingRef.replace(/^file:\/\/\//, "");
    return `"$ref" to ${url}: no file in the schema directory has that name or "$id", and nothing is fetched`;
  }
  if (error instanceof RangeError) return "is nested too deeply";
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^strict mode: /, "").replaceAll("file:///", "");
}
