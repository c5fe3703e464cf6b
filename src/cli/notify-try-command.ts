import { createReadStream } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import type { Notice } from "../alerts/notice.ts";
import type { TrySummary } from "../app/notify-try.ts";
import { MillraceError } from "../core/errors.ts";
import { type CliContext, type Run, printLine } from "./cli-context.ts";
import { inflated } from "../replay/inflate.ts";
import { linesOf } from "../replay/lines.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { reportProblems } from "./report-problems.ts";

interface TryOptions {
  readonly config?: string;
  readonly json?: true;
  readonly sink?: string;
}

export function notifyTryCommand(context: CliContext, run: Run): Command {
  return new Command("try")
    .description("show what the rules would have told of past events; nothing is sent")
    .argument(
      "[files...]",
      "events as they were stored, oldest first: a line each, plain, gzip or zstd; otherwise standard input",
    )
    .option("--sink <name>", "the sink whose rules to try, when there are several of type notify")
    .addOption(configOption())
    .addOption(jsonOption("print an alert a line, as JSON"))
    .addHelpText(
      "after",
      `
Time is that of the events: their receivedtime, or their time. Rules with lessThan and rules on
the collector are left out. Files are read in the order given; Parquet is not read.

Examples:
  millrace notify try events.ndjson
  millrace notify try data/events/dt=2026-11-27/hour=*/*.ndjson*
  tail -n 10000 events.ndjson | millrace notify try --json`,
    )
    .action((files: readonly string[], options: TryOptions) => run(() => notifyTry(files, options, context)));
}

async function notifyTry(files: readonly string[], options: TryOptions, context: CliContext): Promise<number> {
  const { stdout, stderr, env, cwd, stdin } = context;
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const { PastEvents } = await import("../app/notify-try.ts");
  const past = new PastEvents(loaded.config, options.sink);
  const print = (notices: readonly Notice[]): void => {
    for (const notice of notices) printLine(stdout, options.json ? JSON.stringify(asJson(notice)) : inWords(notice));
  };
  const inputs = files.length === 0 ? [chunksOf(stdin)] : files.map((file) => chunksOfFile(path.resolve(cwd, file)));
  try {
    for (const input of inputs) {
      for await (const lines of linesOf(inflated(input))) {
        for (const { bytes } of lines) {
          const line = bytes.toString().trim();
          if (line !== "") print(past.add(line));
        }
      }
    }
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("usage", `the events cannot be read: ${reason}`, { cause: error });
  }
  print(past.end());
  if (options.json) printLine(stderr, JSON.stringify(past.summary));
  else printLine(stderr, summaryInWords(past.summary));
  return EXIT.ok;
}

async function* chunksOfFile(file: string): AsyncGenerator<Buffer> {
  if (file.endsWith(".parquet"))
    throw new MillraceError("usage", `${file} is Parquet, which is not read here: give the files of an NDJSON sink`);
  yield* chunksOf(createReadStream(file));
}

async function* chunksOf(stream: AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of stream) yield Buffer.from(chunk);
}

function inWords(notice: Notice): string {
  const group = notice.group.map(({ by, value }) => `${by} = ${JSON.stringify(value)}`).join(", ");
  return [new Date(notice.atMs).toISOString(), notice.kind.padEnd(8), notice.rule, group, notice.finding]
    .filter((part) => part !== "")
    .join("  ");
}

function asJson({ atMs, kind, rule, group, value, finding, suppressed }: Notice): object {
  const values = Object.fromEntries(group.map(({ by, value: of }) => [by, of]));
  return { at: new Date(atMs).toISOString(), status: kind, rule, group: values, value, finding, suppressed };
}

function summaryInWords({ events, unreadable, late, errors }: TrySummary): string {
  const parts = [`${events} events`];
  if (unreadable > 0) parts.push(`lines that are no event with a type and a time: ${unreadable}`);
  if (late > 0) parts.push(`${late} came too late for their window`);
  for (const [rule, count] of Object.entries(errors)) parts.push(`rule ${rule} had no answer for ${count}`);
  return `${parts.join("; ")}.`;
}
