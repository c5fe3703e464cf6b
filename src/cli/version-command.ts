import { Command } from "commander";
import { packageVersion } from "../app/package-version.ts";
import { type CliContext, printJson, printLine } from "./cli-context.ts";
import { jsonOption } from "./options.ts";

export function versionCommand(context: CliContext): Command {
  return new Command("version")
    .description("print the versions of Millrace and Node, and the platform")
    .addOption(jsonOption())
    .action((options: { json?: true }) => {
      const version = {
        millrace: packageVersion(),
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (options.json) printJson(context.stdout, version);
      else printLine(context.stdout, `millrace ${version.millrace} (node ${version.node}, ${version.platform})`);
    });
}
