import { randomBytes } from "node:crypto";
import { Command } from "commander";
import { MillraceError } from "../core/errors.ts";
import { nameField } from "../core/config-fields.ts";
import { type CliContext, printJson, printLine } from "./cli-context.ts";
import { jsonOption } from "./options.ts";

/** 128 bits: nobody finds a key by trying. */
const KEY_BYTES = 16;

export function keysNewCommand(context: CliContext): Command {
  return new Command("new")
    .description("make a write key for a source")
    .option("--source <name>", "the source it is for; its name becomes part of the key")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
The key goes to standard output, and what to do with it to standard error, so that
KEY=$(millrace keys new) holds the key alone. Nothing is stored: the key works once it
stands in the configuration.`,
    )
    .action((options: { source?: string; json?: true }) => {
      const { source } = options;
      if (source !== undefined && !nameField.safeParse(source).success) {
        throw new MillraceError(
          "usage",
          `${JSON.stringify(source)} cannot be the name of a source: 1 to 63 letters, digits, - and _`,
        );
      }
      const secret = randomBytes(KEY_BYTES).toString("hex");
      const key = source === undefined ? `wk_${secret}` : `wk_${source}_${secret}`;
      if (options.json) {
        printJson(context.stdout, { key, ...(source !== undefined && { source }) });
        return;
      }
      printLine(context.stdout, key);
      printLine(
        context.stderr,
        `
Add it to the source in the configuration; a running collector takes it up by itself:

  sources:
    - name: ${source ?? "NAME"}
      keys: [${key}]`,
      );
    });
}
