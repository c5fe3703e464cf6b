import { Command } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import type { CollectOptions } from "./collect.ts";
import { configOption, jsonOption, logLevelOption } from "./options.ts";

export function startCommand(context: CliContext, run: Run): Command {
  return new Command("start")
    .description("run the collector until SIGTERM or SIGINT")
    .addOption(configOption())
    .addOption(logLevelOption("log.level of the configuration"))
    .addOption(jsonOption("print nothing but JSON lines"))
    .addHelpText(
      "after",
      `
Logs go to standard error: JSON lines, or readable ones on a terminal.

Signals:
  SIGTERM, SIGINT  stop accepting, flush the sinks, save the state, print the ledger, exit
                   (a second one stops at once; the journal keeps what was not delivered)
  SIGHUP           read the configuration again; so does a change of the file or of a schema.
                   One that is not valid is refused, and the old one stays in force

Examples:
  millrace start                               # ./millrace.yaml, or the built-in configuration
  millrace start --config /etc/millrace.yaml
  PORT=8081 millrace start                     # with \`port: \${PORT:-8080}\` in the file`,
    )
    .action((options: CollectOptions) =>
      run(async () => {
        // Loaded when needed, so that `--help` and the small commands answer at once.
        const { collect } = await import("./collect.ts");
        return collect(context, options, { format: context.stderr.isTTY === true ? "pretty" : "json" });
      }),
    );
}
