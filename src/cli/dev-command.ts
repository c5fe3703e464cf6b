import { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import type { CollectOptions } from "./collect.ts";
import { configOption, jsonOption, logLevelOption } from "./options.ts";

export function devCommand(context: CliContext, run: Run): Command {
  return new Command("dev")
    .description("run the collector with readable logs at level debug, while you work on it or on events")
    .addOption(configOption())
    .addOption(logLevelOption("debug"))
    .addOption(jsonOption("print nothing but JSON lines"))
    .addHelpText(
      "after",
      `
The same collector as start with a single worker, and like it, it takes up changes of the
configuration and of schemas as they are saved.

Example:
  millrace dev     # without a millrace.yaml: prints a write key and a curl line to try`,
    )
    .action((options: CollectOptions) =>
      run(async () => {
        const { collect } = await import("./collect.ts");
        return collect(context, options, { format: "pretty", level: "debug", workers: 1 });
      }),
    );
}
