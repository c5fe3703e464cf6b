import { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { setupOpensearchCommand } from "./setup-opensearch-command.ts";
import { setupS3Command } from "./setup-s3-command.ts";

/** `millrace setup …`. */
export function setupCommand(context: CliContext, run: Run): Command {
  return new Command("setup")
    .description("prepare what sinks write to: show what is missing, and make it when told to")
    .addCommand(setupS3Command(context, run))
    .addCommand(setupOpensearchCommand(context, run));
}
