import { z } from "zod";
import { JSON_POINTER } from "../../core/event-value.ts";
import { EVENT_COLUMNS } from "./event-columns.ts";

/** How the pages of a Parquet file are compressed. Any reader finds it in the file. */
export const parquetCompression = z.enum(["none", "snappy", "gzip", "zstd"]);

export type ParquetCompression = z.infer<typeof parquetCompression>;

const MAX_TYPED_COLUMNS = 100;

/** `dt` and `hour` are columns already: engines read them from the folders' names. */
const TAKEN: ReadonlySet<string> = new Set([...EVENT_COLUMNS, "dt", "hour"]);

const typedColumn = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, "a column has 1 to 63 lower-case letters, digits and _, and no digit first")
    .refine((name) => !TAKEN.has(name), { error: "every file has a column of this name already" })
    .describe("Name of the column."),
  from: z
    .string()
    .regex(JSON_POINTER, "a JSON Pointer such as /data/total")
    .describe("JSON Pointer into the event, such as `/data/total`."),
  type: z
    .enum(["string", "int64", "double", "boolean", "timestamp"])
    .describe("Type of the column. `timestamp`: a string with date, time and offset, as RFC 3339 has it."),
});

export type TypedColumn = Readonly<z.infer<typeof typedColumn>>;

/** Values of an event that get columns of their own, so that engines read and prune by them without parsing JSON. */
export const typedColumns = z
  .array(typedColumn)
  .max(MAX_TYPED_COLUMNS)
  .refine((columns) => new Set(columns.map(({ name }) => name)).size === columns.length, {
    error: "two columns have the same name",
  })
  .default([])
  .describe(
    "With format `parquet`: values that get columns of their own. What is missing or not of the type is NULL there; `data` keeps every value.",
  );
