import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import { MillraceError } from "../core/errors.ts";
import { type CliContext, printJson, printLine } from "./cli-context.ts";
import { jsonOption } from "./options.ts";

const FILE_NAME = "millrace.schema.json";

export function schemaConfigCommand(context: CliContext): Command {
  return new Command("config")
    .description("print the JSON Schema of millrace.yaml, for editors")
    .option("-o, --out <file>", "write it to a file instead")
    .addOption(jsonOption("no change: the output is JSON"))
    .addHelpText(
      "after",
      `
Editors with the YAML language server (VS Code's YAML extension, Neovim, IntelliJ) complete
and check millrace.yaml when its first line names the schema:

  # yaml-language-server: $schema=./${FILE_NAME}

Example:
  millrace schema config --out ${FILE_NAME}`,
    )
    .action(async (options: { out?: string }) => {
      const { millraceConfig } = await import("../app/config.ts");
      const { editorSchema } = await import("../config/editor-schema.ts");
      const schema = editorSchema(millraceConfig, "Millrace configuration");
      if (options.out === undefined) {
        printJson(context.stdout, schema);
        return;
      }
      await write(path.resolve(context.cwd, options.out), `${JSON.stringify(schema, null, 2)}\n`);
      printLine(
        context.stderr,
        `Written to ${options.out}. For your editor, put this on the first line of millrace.yaml:\n`,
      );
      printLine(context.stderr, `  # yaml-language-server: $schema=${options.out}`);
    });
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("usage", `the schema cannot be written: ${reason}`, { cause: error });
  }
}
