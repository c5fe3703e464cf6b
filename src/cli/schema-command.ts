import { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { schemaConfigCommand } from "./schema-config-command.ts";
import { schemaTestCommand } from "./schema-test-command.ts";
import { schemaTypesCommand } from "./schema-types-command.ts";

/** `millrace schema …`. */
export function schemaCommand(context: CliContext, run: Run): Command {
  return new Command("schema")
    .description("work with schemas: of events, and of the configuration")
    .addCommand(schemaTestCommand(context, run))
    .addCommand(schemaTypesCommand(context, run))
    .addCommand(schemaConfigCommand(context));
}
