import { Command } from "commander";
import type { CliContext } from "./cli-context.ts";
import { keysNewCommand } from "./keys-new-command.ts";

/** `millrace keys …`. */
export function keysCommand(context: CliContext): Command {
  return new Command("keys").description("work with write keys").addCommand(keysNewCommand(context));
}
