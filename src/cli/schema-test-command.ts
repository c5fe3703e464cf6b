import { readFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Command } from "commander";
import { MillraceError } from "../core/errors.ts";
import type { EventValidator } from "../core/validation.ts";
import { type CliContext, type Run, printJson } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { reportProblems } from "./report-problems.ts";

interface SchemaTestOptions {
  readonly config?: string;
  readonly schemas?: string;
  readonly json?: true;
}

export function schemaTestCommand(context: CliContext, run: Run): Command {
  return new Command("test")
    .description("validate the events of a file as the collector would")
    .argument("<file>", "events as JSON: one, an array, or one a line; - reads standard input")
    .option("--schemas <dir>", "folder of the schemas; otherwise the one of the configuration")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
The exit code is 1 when an event is not valid. Types without a schema are listed, and do
not count as invalid.

Examples:
  millrace schema test events.ndjson
  millrace schema test --schemas ./schemas - < event.json`,
    )
    .action((file: string, options: SchemaTestOptions) => run(() => testFile(file, options, context)));
}

async function testFile(file: string, options: SchemaTestOptions, context: CliContext): Promise<number> {
  const { formatReport, testEvents, testReport } = await import("../schemas/test-events.ts");
  const validator = await validatorFor(options, context);
  if (validator === undefined) return EXIT.configInvalid;
  const report = testReport(testEvents(await read(file, context), validator));
  if (options.json) printJson(context.stdout, report);
  else context.stdout.write(formatReport(report));
  return report.invalid > 0 ? EXIT.failed : EXIT.ok;
}

/** The schemas that were named, or those of the configuration; `undefined` when it has problems, which are printed. */
async function validatorFor(options: SchemaTestOptions, context: CliContext): Promise<EventValidator | undefined> {
  const { cwd, env } = context;
  if (options.schemas !== undefined) {
    const { loadSchemas } = await import("../schemas/registry.ts");
    return loadSchemas({ dir: path.resolve(cwd, options.schemas), expose: true });
  }
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "ok") return loaded.schemas;
  reportProblems(loaded, context, options.json);
  return undefined;
}

async function read(file: string, context: CliContext): Promise<string> {
  if (file === "-") return text(context.stdin);
  try {
    return await readFile(path.resolve(context.cwd, file), "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("usage", `the events cannot be read: ${reason}`, { cause: error });
  }
}
