import { availableParallelism } from "node:os";
import { text } from "node:stream/consumers";
import { Command, Option } from "commander";
import type { MillraceConfig } from "../app/config.ts";
import { MillraceError } from "../core/errors.ts";
import type { Archive } from "../query/archive.ts";
import { OpenArchive } from "../query/open-archive.ts";
import { type CliContext, printLine, type Run } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { wholeFrom } from "./number-argument.ts";
import { configOption, jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { queryProgress } from "./query-progress.ts";
import { type QueryFormat, printRows } from "./query-rows.ts";
import { reportProblems } from "./report-problems.ts";

interface QueryOptions {
  readonly config?: string;
  readonly limit?: number;
  readonly open?: true;
  readonly memory: number;
  readonly threads: number;
  readonly json?: true;
  readonly csv?: true;
}

/** Rows that a person is shown when no limit is given. */
const TABLE_ROWS = 1_000;
const MIB = 1024 ** 2;
const MOST_THREADS = 256;

export function queryCommand(context: CliContext, run: Run): Command {
  return new Command("query")
    .description("query the local archive, the quarantine and the dead letters with SQL (DuckDB)")
    .argument("<sql>", "a query, or - to read it from standard input")
    .addOption(configOption())
    .addOption(
      new Option(
        "--limit <n>",
        `most rows to print, 0 for all (default: ${TABLE_ROWS} in a table, else all)`,
      ).argParser(wholeFrom(0, 1e9)),
    )
    .option("--open", "also events in files that are still being written")
    .option("--memory <mib>", "most memory for DuckDB, in MiB", wholeFrom(256, 1024 ** 2), 1024)
    .option("--threads <n>", "threads for DuckDB", wholeFrom(1, MOST_THREADS), defaultThreads())
    .addOption(jsonOption("print a JSON array of objects, a row a line").conflicts("csv"))
    .option("--csv", "print CSV with a header")
    .addHelpText(
      "after",
      `
Views: events (all file sinks of the configuration), one for each file sink by its name,
quarantine and dead_letters. SHOW TABLES lists them, DESCRIBE events shows the columns. dt and hour
are those of the folders: a query that names them reads only these.

DuckDB is not installed with Millrace: npm install @duckdb/node-api. The query reads the files of
the configuration and nothing else, and changes nothing; a collector may run meanwhile. Files that
are still being written are left out unless --open is given.

Examples:
  millrace query 'select type, count(*) from events group by type order by 2 desc'
  millrace query "select id, data->>'$.total' as total from events where dt = '2026-11-23' limit 10"
  millrace query "from events where id = '01890a5d-ac96-774b-bcce-b302099a8057'" --json
  millrace query 'select code, reasons, event from quarantine order by rejectedtime desc limit 5'
  millrace query "select date_trunc('minute', time), sum((data->>'$.total')::double) from events group by 1" --csv`,
    )
    .action((sql: string, options: QueryOptions) => run(() => query(sql, options, context)));
}

async function query(argument: string, options: QueryOptions, context: CliContext): Promise<number> {
  const sql = argument === "-" ? await text(context.stdin) : argument;
  if (sql.trim() === "") throw new MillraceError("usage", "the query is empty");
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd: context.cwd, env: context.env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const { config } = loaded;
  const progress = queryProgress(context);
  try {
    await using archive = await OpenArchive.open(
      {
        archives: archivesOf(config),
        quarantineDir: config.quarantine.dir,
        deadLettersDir: config.deadLetters.dir,
        includeOpen: options.open === true,
        memoryBytes: options.memory * MIB,
        threads: options.threads,
      },
      sql,
    );
    using interrupting = interruptOnSignal(archive);
    interrupting.begin();
    progress.start(() => archive.progressPercent);
    const rows = await archive.query(sql);
    const limit = options.limit ?? (formatOf(options) === "table" ? TABLE_ROWS : 0);
    const printed = await printRows(rows, { format: formatOf(options), limit, context, onFirst: () => progress.end() });
    progress.end();
    sayWhatIsMissing(archive, options, context);
    if (printed.more) note(context, `Only the first ${limit} rows are shown; --limit 0 shows all.`);
    return EXIT.ok;
  } finally {
    progress.end();
  }
}

function formatOf({ json, csv }: QueryOptions): QueryFormat {
  if (json === true) return "json";
  return csv === true ? "csv" : "table";
}

function archivesOf(config: MillraceConfig): Archive[] {
  return config.sinks.flatMap((sink) =>
    sink.type === "file" ? [{ name: sink.name, dir: sink.dir, columns: sink.columns }] : [],
  );
}

function sayWhatIsMissing({ found }: OpenArchive, { open }: QueryOptions, context: CliContext): void {
  const written = found.open === 1 ? "1 file is" : `${found.open} files are`;
  if (found.open > 0 && open !== true)
    note(context, `${written} still being written and left out; --open includes ${found.open === 1 ? "it" : "them"}.`);
  else if (found.views > 0 && found.files + found.open === 0)
    note(
      context,
      found.isAboutEvents
        ? "There are no files to query yet: nothing was delivered, or the configuration is not the collector's."
        : "There are no files to query: nothing was set aside, or the configuration is not the collector's.",
    );
}

function note(context: CliContext, words: string): void {
  printLine(context.stderr, painter(context.stderr, context.env)("dim", words));
}

function interruptOnSignal(archive: OpenArchive): Disposable & { begin(): void } {
  const interrupt = (): void => archive.interrupt();
  return {
    begin: () => void process.once("SIGINT", interrupt),
    [Symbol.dispose]: () => void process.off("SIGINT", interrupt),
  };
}

/** A collector may run on the same machine, and comes first. */
function defaultThreads(): number {
  return Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
}
