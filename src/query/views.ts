import path from "node:path";
import type { Archive, ArchiveColumn, Ending } from "./archive.ts";

/** What a view reads: files of one ending below a folder, whose path has no `*`, `?` or `[`. */
export interface FileSet {
  readonly dir: string;
  readonly ending: Ending;
}

/** The views that are there whatever sinks there are. */
export const FIXED_VIEWS = ["events", "quarantine", "dead_letters"] as const;

/** Largest line of NDJSON. DuckDB takes a buffer of twice this for each thread. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const TEXTS = ["clientip", "useragent", "collector", "datacontenttype", "dataschema"];

const BEFORE_TYPED = ["position", "id", '"type"', "source", "subject", '"time"', "receivedtime", ...TEXTS, "data"];

/** Attributes with a column of their own; the others are in `extensions`. */
const LIFTED = ["specversion", "id", "type", "source", "subject", "time", "receivedtime", "data", ...TEXTS];

const SQL_TYPES = {
  string: "varchar",
  int64: "bigint",
  double: "double",
  boolean: "boolean",
  timestamp: "timestamptz",
} as const;

/** The types of JSON values that fit, as DuckDB calls them. */
const JSON_TYPES = {
  string: "'VARCHAR'",
  int64: "'BIGINT', 'UBIGINT'",
  double: "'BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE'",
  boolean: "'BOOLEAN'",
  timestamp: "'VARCHAR'",
} as const;

/** The name of a sink's view: the sink's own, unless it is one of ours. */
export function viewName(sink: string): string {
  return FIXED_VIEWS.some((fixed) => fixed === sink.toLowerCase()) ? `${sink}_files` : sink;
}

/**
 * The events of an archive, the same columns with the same types whatever the files' format.
 *
 * @param stored columns of the archive that its Parquet files have
 */
export function archiveView(archive: Archive, files: readonly FileSet[], stored: ReadonlySet<string>): string {
  const selects = files.map((set) =>
    set.ending === ".parquet" ? parquetSelect(set, archive.columns, stored) : ndjsonSelect(set, archive.columns),
  );
  if (selects.length === 0) selects.push(`${ndjsonColumns(archive.columns)} from ${NO_LINES} where false`);
  return `create view ${name(viewName(archive.name))} as ${selects.join(" union all by name ")}`;
}

export function eventsView(archives: readonly Archive[]): string {
  const selects = archives.map(
    (archive) => `select ${text(archive.name)} as sink, * from ${name(viewName(archive.name))}`,
  );
  if (selects.length === 0)
    selects.push(`select ''::varchar as sink, * from (${ndjsonColumns([])} from ${NO_LINES}) where false`);
  return `create view events as ${selects.join(" union all by name ")}`;
}

/** Events that were set aside, with the reasons: the quarantine, or the dead letters. */
export function rejectsView(view: "quarantine" | "dead_letters", dir: string, hasFiles: boolean): string {
  const lines = hasFiles ? jsonLines(`${slashed(dir)}/*.ndjson`) : NO_LINES;
  return `create view ${view} as select
    try_cast(json->>'$.at' as timestamptz) as rejectedtime, json->>'$.source' as source, json->>'$.sink' as sink,
    try_cast(json->>'$.position' as bigint) as position, json->>'$.code' as code, json->'$.reasons' as reasons,
    json->>'$.event.id' as id, json->>'$.event.type' as type, json->'$.event' as event,
    json->>'$.eventText' as eventtext, json->>'$.eventBase64' as eventbase64
    from ${lines} where json is not null`;
}

/** Tells which columns the Parquet files of an archive have. */
export function describeParquet(set: FileSet): string {
  return `describe select * from ${parquetFiles(set, true)}`;
}

function parquetSelect(set: FileSet, columns: readonly ArchiveColumn[], stored: ReadonlySet<string>): string {
  const typed = columns.map((column) => {
    const type = SQL_TYPES[column.type];
    if (stored.has(column.name)) return `try_cast(${name(column.name)} as ${type}) as ${name(column.name)}`;
    // Files from before the column was configured have the value all the same.
    if (!column.from.startsWith("/data/")) return `null::${type} as ${name(column.name)}`;
    return typedMember("data", { ...column, from: column.from.slice("/data".length) });
  });
  const all = [...BEFORE_TYPED, ...typed, "extensions", "dt", '"hour"'];
  return `select ${all.join(", ")} from ${parquetFiles(set, columns.length > 0)}`;
}

function ndjsonSelect(set: FileSet, columns: readonly ArchiveColumn[]): string {
  return `${ndjsonColumns(columns)} from ${jsonLines(glob(set), PARTITIONS)}`;
}

function ndjsonColumns(columns: readonly ArchiveColumn[]): string {
  const withoutLifted = JSON.stringify(Object.fromEntries(LIFTED.map((attribute) => [attribute, null])));
  const all = [
    `try_cast(regexp_extract(${member("collector")}, '-(\\d+)$', 1) as bigint) as position`,
    ...["id", "type", "source", "subject"].map((attribute) => `${member(attribute)} as ${name(attribute)}`),
    ...["time", "receivedtime"].map(
      (attribute) => `try_cast(${member(attribute)} as timestamptz) as ${name(attribute)}`,
    ),
    ...TEXTS.map((attribute) => `${member(attribute)} as ${attribute}`),
    `json->'$.data' as data`,
    ...columns.map((column) => typedMember("json", column)),
    `case when json is not null then nullif(json_merge_patch(json, ${text(withoutLifted)})::varchar, '{}')::json end as extensions`,
    "dt",
    '"hour"',
  ];
  return `select ${all.join(", ")}`;
}

function typedMember(json: string, { name: column, from, type }: ArchiveColumn): string {
  const value = `json_extract_string(${json}, ${text(from)})`;
  const fits = `json_type(${json}, ${text(from)}) in (${JSON_TYPES[type]})`;
  return `case when ${fits} then try_cast(${value} as ${SQL_TYPES[type]}) end as ${name(column)}`;
}

function member(attribute: string): string {
  return `json->>'$.${attribute}'`;
}

const PARTITIONS = "hive_partitioning = true, hive_types = {'dt': date, 'hour': integer}";

const NO_LINES = `(select null::json as json, null::date as dt, null::integer as "hour")`;

/** A line that DuckDB cannot read, such as one that is still being written, is NULL, and the others stay. */
function jsonLines(files: string, options = "hive_partitioning = false"): string {
  return `read_ndjson_objects(${text(files)}, ${options}, ignore_errors = true, maximum_object_size = ${MAX_LINE_BYTES})`;
}

function parquetFiles(set: FileSet, unite: boolean): string {
  return `read_parquet(${text(glob(set))}, ${PARTITIONS}, union_by_name = ${unite})`;
}

function glob({ dir, ending }: FileSet): string {
  return `${slashed(dir)}/dt=*/hour=*/*${ending}`;
}

function slashed(dir: string): string {
  return dir.split(path.sep).join("/");
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function name(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}
