import { Command, Option } from "commander";
import type { CliContext, Run } from "./cli-context.ts";
import { numberFrom } from "./number-argument.ts";
import { configOption, jsonOption, logLevelOption } from "./options.ts";
import type { ReplayOptions } from "./replay-plan.ts";

export function replayCommand(context: CliContext, run: Run): Command {
  const command = new Command("replay")
    .description("send stored events again: from the journal, an archive, the dead letters or the quarantine")
    .addOption(
      new Option("--from <where>", "where the events are").choices([
        "journal",
        "archive",
        "dead-letters",
        "quarantine",
      ]),
    )
    .option("--to <sink>", "sink of the configuration; of dead letters otherwise the one that refused them")
    .option("--refused-by <sink>", "only dead letters of this sink")
    .option("--since <time>", "received at or after: 2026-11-23, 2026-11-23T07:00:00Z, or 2h, 7d for so long ago")
    .option("--until <time>", "received before; otherwise now")
    .option("--type <type>", "only events of this type, * for any characters; may be repeated", collect, [])
    .option("--filter <cel>", "only events for which this is true, as `when` of a sink")
    .option(
      "--code <code>",
      "of dead letters and quarantine: only those set aside with it; may be repeated",
      collect,
      [],
    )
    .option("--edit <file>", "rules that change events before they are sent (docs/replay.md)")
    .option("--rate <events>", "events a second at most; otherwise as fast as they are taken", numberFrom(0.01, 1e9))
    .option("--dry-run", "send nothing; say what would be sent")
    .option("--again", "of dead letters and quarantine: also what was replayed already")
    .option("--run <name>", "name of the run; otherwise made of the time")
    .option("--resume <name>", "go on with a run that was stopped, from journal or archive");
  return archiveOptions(command)
    .option("--url <url>", "event port that quarantined events are sent to; otherwise that of the configuration")
    .option("--state-dir <dir>", "where runs and marks are kept; otherwise replay/ beside the journal")
    .addOption(configOption())
    .addOption(logLevelOption("warn"))
    .addOption(jsonOption("print the result as JSON"))
    .addHelpText(
      "after",
      `
A collector may run meanwhile, and need not. Ctrl-C stops: what is on its way may end. Dead letters
and quarantined events that were replayed are marked, and not sent twice; other runs go on with --resume.

Exit codes: 0 all were sent or skipped on purpose; 1 some were refused, or could not be read;
4 stopped before it was through.

Examples:
  millrace replay --from dead-letters --dry-run
  millrace replay --from dead-letters --to stream --code rejected_by_sink
  millrace replay --from quarantine --type checkout.paid --edit mend-totals.yaml
  millrace replay --from archive --archive files --to search --since 7d --rate 500
  millrace replay --from journal --to stream --since 2026-11-23T07:00:00Z --until 2026-11-23T08:00:00Z
  millrace replay --resume 20261123T091500-3f2a`,
    )
    .action((options: ReplayOptions) =>
      run(async () => {
        const { replay } = await import("./run-replay.ts");
        return replay(options, context);
      }),
    );
}

/** Where an archive is, which replay and find are told alike. */
export function archiveOptions(command: Command): Command {
  return command
    .option("--archive <sink>", "the archive is that of this sink; otherwise of the only one that keeps files")
    .option("--dir <dir>", "the archive is this folder, laid out as by a file sink")
    .option("--bucket <bucket>", "the archive is in this S3 bucket")
    .option("--prefix <prefix>", "of its keys in the bucket")
    .option("--region <region>", "of the bucket; otherwise AWS_REGION, or us-east-1")
    .option("--endpoint <url>", "of S3, where it is not Amazon's own");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
