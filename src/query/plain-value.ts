import type { DuckDBType, DuckDBValue, DuckDBValueConverter } from "@duckdb/node-api";
import type { DuckDB } from "./load-duckdb.ts";

/** Every decimal number of this many digits comes back from a double as it was. */
const EXACT_DIGITS = 15;

export type PlainValue =
  | null
  | boolean
  | number
  | string
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

/**
 * Makes values that JSON can hold: whole numbers beyond 2^53 as text, so that no digit is lost; times as RFC 3339 in UTC.
 */
export function plainConverter(duckdb: DuckDB): DuckDBValueConverter<PlainValue> {
  return (value: DuckDBValue, _type: DuckDBType) => plain(value, duckdb);
}

function plain(value: DuckDBValue | undefined, duckdb: DuckDB): PlainValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return exact(value);
  if (value instanceof duckdb.DuckDBTimestampTZValue) return value.isFinite ? isoTime(value.micros) : value.toString();
  if (value instanceof duckdb.DuckDBDecimalValue)
    return value.width <= EXACT_DIGITS ? value.toDouble() : value.toString();
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue)
    return value.items.map((item) => plain(item, duckdb));
  if (value instanceof duckdb.DuckDBStructValue)
    return Object.fromEntries(Object.entries(value.entries).map(([name, member]) => [name, plain(member, duckdb)]));
  if (value instanceof duckdb.DuckDBMapValue)
    return value.entries.map(({ key, value: of }) => ({ key: plain(key, duckdb), value: plain(of, duckdb) }));
  return value.toString();
}

function exact(value: bigint): number | string {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
}

/** As text of the date's own when the year is beyond what RFC 3339 has. */
function isoTime(micros: bigint): string {
  const fraction = ((micros % 1_000n) + 1_000n) % 1_000n;
  const ms = Number((micros - fraction) / 1_000n);
  const iso = Number.isNaN(new Date(ms).getTime()) ? `${micros} µs` : new Date(ms).toISOString();
  return fraction === 0n ? iso : `${iso.slice(0, -1)}${String(fraction).padStart(3, "0")}Z`;
}
