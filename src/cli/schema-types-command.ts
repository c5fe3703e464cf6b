import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import { MillraceError } from "../core/errors.ts";
import type { SchemaFile } from "../schemas/schema-files.ts";
import { type CliContext, printJson, printLine, type Run } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { reportProblems } from "./report-problems.ts";

interface SchemaTypesOptions {
  readonly out?: string;
  readonly check?: string;
  readonly config?: string;
  readonly schemas?: string;
  readonly json?: true;
}

export function schemaTypesCommand(context: CliContext, run: Run): Command {
  return new Command("types")
    .description("write TypeScript types of the events' data, for millrace/client and millrace/browser")
    .option("-o, --out <file>", "write them to a file; otherwise they are printed")
    .option("--check <file>", "write nothing; say whether the file is what the schemas say")
    .option("--schemas <dir>", "folder of the schemas; otherwise the one of the configuration")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
The interface MillraceEvents maps each event type to its data. A type with several
versions has the one that applies to events that name none. With --check the exit code
is 1 when the file is stale or missing: for CI.

Examples:
  millrace schema types --out src/millrace-events.ts
  millrace schema types --check src/millrace-events.ts`,
    )
    .action((options: SchemaTypesOptions) => run(() => writeTypes(options, context)));
}

async function writeTypes(options: SchemaTypesOptions, context: CliContext): Promise<number> {
  const { out, check, json } = options;
  if (out !== undefined && check !== undefined) {
    throw new MillraceError("usage", "--out writes a file and --check writes none: use one of them");
  }
  const files = await schemaFiles(options, context);
  if (files === undefined) return EXIT.configInvalid;
  const { schemaTypes } = await import("../schemas/schema-types.ts");
  const text = schemaTypes(files);
  if (check !== undefined) return checkFile(check, text, context, json);
  if (out !== undefined) await write(path.resolve(context.cwd, out), text);
  if (json) printJson(context.stdout, out === undefined ? { source: text } : { file: out });
  else if (out === undefined) context.stdout.write(text);
  else printLine(context.stderr, `Written to ${out}: createClient<MillraceEvents>(…) checks what is tracked.`);
  return EXIT.ok;
}

async function checkFile(file: string, text: string, context: CliContext, json: true | undefined): Promise<number> {
  const found = await readFile(path.resolve(context.cwd, file), "utf8").catch(() => undefined);
  // Git may have given it other line ends.
  const isStale = found?.replaceAll("\r\n", "\n") !== text;
  const state = found === undefined ? "cannot be read" : "is not what the schemas say";
  if (json) printJson(context.stdout, { file, stale: isStale });
  else if (isStale) printLine(context.stderr, `${file} ${state}. Write it with: millrace schema types --out ${file}`);
  else printLine(context.stderr, `${file} is what the schemas say.`);
  return isStale ? EXIT.failed : EXIT.ok;
}

/** The schemas that were named, or those of the configuration; `undefined` when it has problems, which are printed. */
async function schemaFiles(
  options: SchemaTypesOptions,
  context: CliContext,
): Promise<readonly SchemaFile[] | undefined> {
  const { cwd, env } = context;
  if (options.schemas !== undefined) {
    const { compileSchemas, readSchemas } = await import("../schemas/registry.ts");
    const config = { dir: path.resolve(cwd, options.schemas), expose: true };
    const texts = await readSchemas(config);
    await compileSchemas(config, texts);
    return texts.files;
  }
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "ok") return loaded.schemaTexts.files;
  reportProblems(loaded, context, options.json);
  return undefined;
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("usage", `the types cannot be written: ${reason}`, { cause: error });
  }
}
