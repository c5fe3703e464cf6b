import { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { journalImportCommand } from "./journal-import-command.ts";
import { journalInspectCommand } from "./journal-inspect-command.ts";
import { journalVerifyCommand } from "./journal-verify-command.ts";

/** `millrace journal …`. */
export function journalCommand(context: CliContext, run: Run): Command {
  return new Command("journal")
    .description("look into the journal, check it, and take over what other nodes left behind")
    .addCommand(journalInspectCommand(context, run))
    .addCommand(journalVerifyCommand(context, run))
    .addCommand(journalImportCommand(context, run));
}
