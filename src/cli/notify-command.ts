import { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { notifyTestCommand } from "./notify-test-command.ts";
import { notifyTryCommand } from "./notify-try-command.ts";

/** `millrace notify …`. */
export function notifyCommand(context: CliContext, run: Run): Command {
  return new Command("notify")
    .description("try the channels and rules of sinks of type notify")
    .addCommand(notifyTestCommand(context, run))
    .addCommand(notifyTryCommand(context, run));
}
