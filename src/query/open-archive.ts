import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DuckDBConnection, DuckDBPreparedStatement } from "@duckdb/node-api";
import { MillraceError } from "../core/errors.ts";
import { type Archive, type ArchiveFiles, findFiles } from "./archive.ts";
import { type DuckDB, loadDuckDB } from "./load-duckdb.ts";
import { copyOpenFiles } from "./open-copies.ts";
import { type PlainValue, plainConverter } from "./plain-value.ts";
import { archiveView, describeParquet, eventsView, type FileSet, FIXED_VIEWS, rejectsView, viewName } from "./views.ts";

export interface ArchiveOptions {
  readonly archives: readonly Archive[];
  readonly quarantineDir: string;
  readonly deadLettersDir: string;
  /** Files that are still written to, too. */
  readonly includeOpen: boolean;
  readonly memoryBytes: number;
  readonly threads: number;
}

export interface Rows {
  readonly columns: readonly string[];
  /** Whether a column holds JSON text. */
  readonly isJson: readonly boolean[];
  /** In parts, as DuckDB makes them. */
  readonly parts: AsyncIterable<readonly (readonly PlainValue[])[]>;
}

/** What was found on the disk. */
export interface Found {
  /** Views that the query may name. */
  readonly views: number;
  /** Whether one of them is a sink's, or that of all sinks. */
  readonly isAboutEvents: boolean;
  readonly files: number;
  /** Files that are still written to. */
  readonly open: number;
}

/**
 * Local archives, opened for queries with DuckDB.
 *
 * It reads the archives' directories and nothing else: DuckDB may neither go to the network nor to other files, takes up no
 * extensions, and runs SELECT statements only, one at a time. Nothing is written but what a query needs to spill, in a
 * directory of its own that goes with it.
 */
export class OpenArchive implements AsyncDisposable {
  readonly found: Found;
  readonly #duckdb: DuckDB;
  readonly #connection: DuckDBConnection;
  readonly #scratch: string;
  readonly #viewNames: readonly string[];

  private constructor(
    duckdb: DuckDB,
    connection: DuckDBConnection,
    scratch: string,
    found: Found,
    viewNames: readonly string[],
  ) {
    this.#duckdb = duckdb;
    this.#connection = connection;
    this.#scratch = scratch;
    this.found = found;
    this.#viewNames = viewNames;
  }

  /** @param sql the query that will be run: only the views it may name are made, since each looks at its files */
  static async open(options: ArchiveOptions, sql: string): Promise<OpenArchive> {
    const duckdb = await loadDuckDB();
    const scratch = await mkdtemp(path.join(tmpdir(), "millrace-query-"));
    try {
      const connection = await connect(duckdb, options, scratch);
      const found = await createViews(connection, options, scratch, sql);
      await connection.run("set lock_configuration = true");
      const viewNames = [...FIXED_VIEWS, ...options.archives.map(({ name }) => viewName(name))];
      return new OpenArchive(duckdb, connection, scratch, found, viewNames);
    } catch (error) {
      await rm(scratch, { recursive: true, force: true });
      throw failure(error);
    }
  }

  /** Percent of the query that runs, as far as DuckDB can tell. */
  get progressPercent(): number {
    return this.#connection.progress.percentage;
  }

  /** Runs one SELECT. Rejects with `query_failed`, in DuckDB's words. */
  async query(sql: string): Promise<Rows> {
    try {
      const statement = await this.#onlySelect(sql);
      const result = await statement.stream();
      const types = result.columnTypes();
      return {
        columns: result.deduplicatedColumnNames(),
        isJson: types.map((type) => type.alias === "JSON"),
        parts: withFailures(result.yieldConvertedRows(plainConverter(this.#duckdb))),
      };
    } catch (error) {
      throw withViews(failure(error), this.#viewNames);
    }
  }

  interrupt(): void {
    this.#connection.interrupt();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  /** DuckDB begins to carry out some statements when they are prepared, so that what it may be asked is known before. */
  async #onlySelect(sql: string): Promise<DuckDBPreparedStatement> {
    const { count } = await this.#connection.extractStatements(sql);
    if (count !== 1) throw new MillraceError("query_failed", `one statement is run at a time, and this is ${count}`);
    if (!(await this.#isTable(sql)))
      throw new MillraceError(
        "query_failed",
        "only queries are run (SELECT, FROM, WITH, DESCRIBE, SUMMARIZE): the archive stays as it is",
      );
    return this.#connection.prepare(sql);
  }

  /** Whether the statement can stand where a table can: nothing that changes anything can. It is only parsed. */
  async #isTable(sql: string): Promise<boolean> {
    try {
      const inner = sql.trimEnd().replace(/;$/, "");
      return (await this.#connection.extractStatements(`select * from (${inner}\n)`)).count === 1;
    } catch {
      return false;
    }
  }
}

async function connect(duckdb: DuckDB, options: ArchiveOptions, scratch: string): Promise<DuckDBConnection> {
  const instance = await duckdb.DuckDBInstance.create(":memory:", {
    threads: String(options.threads),
    memory_limit: `${options.memoryBytes}B`,
    temp_directory: path.join(scratch, "spilled"),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    allow_unsigned_extensions: "false",
  });
  const connection = await instance.connect();
  const dirs = [...options.archives.map(({ dir }) => dir), options.quarantineDir, options.deadLettersDir, scratch];
  const list = dirs.map((dir) => `'${dir.replaceAll("'", "''")}/'`).join(", ");
  await connection.run("set TimeZone = 'UTC'");
  await connection.run(`set allowed_directories = [${list}]`);
  await connection.run("set enable_external_access = false");
  return connection;
}

/** Queries that tell which views there are, and so name none. */
const ABOUT_ALL_VIEWS =
  /^\s*(show|describe)(\s+(all\s+)?tables)?\s*;?\s*$|information_schema|duckdb_(views|columns)\b/i;

async function createViews(
  connection: DuckDBConnection,
  options: ArchiveOptions,
  scratch: string,
  sql: string,
): Promise<Found> {
  const { archives, quarantineDir, deadLettersDir } = options;
  const isAboutAll = ABOUT_ALL_VIEWS.test(sql);
  const names = (view: string) => isAboutAll || sql.toLowerCase().includes(view.toLowerCase());
  let views = 0;
  let files = 0;
  let open = 0;
  const wanted = archives.filter(({ name }) => names("events") || names(viewName(name)));
  for (const [index, archive] of wanted.entries()) {
    const found = await findFiles(archive.dir);
    for (const count of found.finished.values()) files += count;
    open += found.open.length;
    views++;
    const copies = path.join(scratch, String(index));
    if (options.includeOpen) await copyOpenFiles(found.open, copies);
    const dir = await withoutPatterns(archive.dir, path.join(scratch, `archive-${index}`));
    const sets = fileSets(dir, found, options.includeOpen ? copies : undefined);
    await connection.run(archiveView(archive, sets, await storedColumns(connection, archive, sets)));
  }
  if (names("events")) await connection.run(eventsView(archives));
  for (const [view, dir] of [
    ["quarantine", quarantineDir],
    ["dead_letters", deadLettersDir],
  ] as const) {
    if (!names(view)) continue;
    const rejects = await rejectFiles(dir);
    files += rejects;
    views++;
    await connection.run(rejectsView(view, await withoutPatterns(dir, path.join(scratch, view)), rejects > 0));
  }
  return { views, isAboutEvents: wanted.length > 0, files, open };
}

function fileSets(dir: string, { finished, open }: ArchiveFiles, copies: string | undefined): FileSet[] {
  const sets: FileSet[] = [...finished.keys()].map((ending) => ({ dir, ending }));
  if (copies !== undefined && open.length > 0) sets.push({ dir: copies, ending: ".ndjson" });
  return sets;
}

/** A path by which DuckDB finds the directory where its own would be a pattern: it refuses those, escaped or not. */
async function withoutPatterns(dir: string, link: string): Promise<string> {
  if (!/[*?[]/.test(dir)) return dir;
  await symlink(dir, link, "junction");
  return link;
}

async function storedColumns(
  connection: DuckDBConnection,
  { columns }: Archive,
  sets: readonly FileSet[],
): Promise<ReadonlySet<string>> {
  const parquet = sets.find(({ ending }) => ending === ".parquet");
  if (parquet === undefined || columns.length === 0) return new Set();
  const described = await connection.runAndReadAll(describeParquet(parquet));
  return new Set(described.getRowsJson().flatMap(([name]) => (typeof name === "string" ? [name] : [])));
}

async function rejectFiles(dir: string): Promise<number> {
  try {
    return (await readdir(dir)).filter((name) => name.endsWith(".ndjson")).length;
  } catch {
    return 0;
  }
}

async function* withFailures<T>(parts: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parts;
  } catch (error) {
    throw failure(error);
  }
}

const PREFIX = /^Failed to [a-z ]+: /;
const OWN_WORDS = /^([A-Z][A-Za-z-]*( [A-Z][A-Za-z-]*)* Error: |INTERRUPT)/;

/** DuckDB's own words, which say where in the query; a bug of ours stays one. */
function failure(error: unknown): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error;
  const words = error.message.replace(PREFIX, "").trimEnd();
  return OWN_WORDS.test(words) ? new MillraceError("query_failed", words, { cause: error }) : error;
}

/** DuckDB proposes what it has itself where it does not know a name. */
function withViews(error: unknown, views: readonly string[]): unknown {
  if (!(error instanceof MillraceError)) return error;
  const [, unknown] = /^Catalog Error: Table with name (.+) does not exist!/.exec(error.message) ?? [];
  if (unknown === undefined) return error;
  return new MillraceError("query_failed", `there is no view ${unknown}; there is: ${views.join(", ")}`, {
    cause: error,
  });
}
