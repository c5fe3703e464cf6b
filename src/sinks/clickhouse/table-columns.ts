import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";

/** The kinds of columns that cannot be inserted into. */
const COMPUTED: ReadonlySet<unknown> = new Set(["MATERIALIZED", "ALIAS"]);

/** The columns of a table, by name, with whether they are computed; `undefined` when the reply does not list columns. */
export function tableColumns(body: Buffer): ReadonlyMap<string, boolean> | undefined {
  const columns = new Map<string, boolean>();
  for (const line of body.toString().split("\n")) {
    if (line === "") continue;
    const row = parseJsonObject(Buffer.from(line));
    if (!isObject(row) || typeof row["name"] !== "string") return undefined;
    columns.set(row["name"], COMPUTED.has(row["default_kind"]));
  }
  return columns;
}

/** Where table and configuration do not match, each with what to do. */
export function problemsOf(present: ReadonlyMap<string, boolean>, wanted: readonly string[], table: string): string[] {
  if (present.size === 0) {
    return [`there is no table ${table}, or the user may not see it: make it, as docs/sinks/clickhouse.md says`];
  }
  const problems: string[] = [];
  const missing = wanted.filter((name) => !present.has(name));
  if (missing.length > 0) {
    problems.push(`the table ${table} has no column ${missing.join(", ")}: add what is missing, or change columns`);
  }
  const computed = wanted.filter((name) => present.get(name) === true);
  if (computed.length > 0) {
    problems.push(`the table ${table} computes ${computed.join(", ")} itself: leave that out of columns`);
  }
  return problems;
}
