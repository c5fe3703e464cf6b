import { Command, Option } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { configOption, jsonOption } from "./options.ts";
import type { FindOptions } from "./run-find.ts";
import { archiveOptions } from "./replay-command.ts";

/** Where an event can be looked for. */
const PLACES = ["journal", "archive", "search", "dead-letters", "quarantine"] as const;

export function findCommand(context: CliContext, run: Run): Command {
  const command = new Command("find")
    .description("find an event by its id: in the journal, archives, search engines, dead letters and the quarantine")
    .argument("<id>", "the event's id")
    .option("--since <time>", "received at or after: 2026-11-23, 2026-11-23T07:00:00Z, or 2h, 7d for so long ago")
    .option("--until <time>", "received before")
    .addOption(new Option("--in <place...>", "look only there").choices([...PLACES]))
    .option("--all", "do not stop at the first one in each place");
  return archiveOptions(command)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Looks through all that the configuration knows, or through the one archive that is named. A UUID of
version 7 tells when it was made, and the hours around it are looked through first; else the newest
come first. A collector may run meanwhile.

Exit codes: 0 found; 5 not found; 1 not found, and some place could not be looked at.

Examples:
  millrace find 0199f3c2-7c4e-7b1a-9d2e-3f4a5b6c7d8e
  millrace find order-4711 --since 7d --in archive search
  millrace find order-4711 --bucket archive --prefix events/ --region eu-west-1`,
    )
    .action((id: string, options: FindOptions) =>
      run(async () => {
        const { find } = await import("./run-find.ts");
        return find(id, options, context);
      }),
    );
}
