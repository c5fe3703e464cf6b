import type * as duckdb from "@duckdb/node-api";
import { MillraceError } from "../core/errors.ts";

export type DuckDB = typeof duckdb;

/** Rejects with `duckdb_missing` where it is not installed: only those who query need its 70 MB. */
export async function loadDuckDB(): Promise<DuckDB> {
  try {
    return await import("@duckdb/node-api");
  } catch (error) {
    const why =
      error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" ? "" : ` (${String(error)})`;
    throw new MillraceError(
      "duckdb_missing",
      `queries run on DuckDB, which is not installed${why}. Install it beside Millrace: npm install @duckdb/node-api (about 70 MB); or npm install --global @duckdb/node-api, if Millrace is installed so.`,
      { cause: error },
    );
  }
}
