import { z } from "zod";
import { batchField, sinkFields } from "../../core/config-fields.ts";
import { compression } from "../../formats/compression.ts";
import { outboundTlsField } from "../../outbound/tls-config.ts";
import { httpUrl, isPlainUrl } from "../../outbound/url-field.ts";

/** Names that need no escaping between backticks. ClickHouse allows others too. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

const POINTER = /^(\/([^~/]|~[01])*)+$/;
const ATTRIBUTE = /^[a-z0-9]+$/;

/** Settings that are the sink's to set, since the promise of a delivery depends on them. */
const OWN_SETTINGS: ReadonlySet<string> = new Set([
  "async_insert",
  "wait_for_async_insert",
  "insert_deduplication_token",
  "query",
  "database",
  "user",
  "password",
  "input_format_allow_errors_num",
  "input_format_allow_errors_ratio",
]);

const MIB = 1024 * 1024;

/** What a table made by the statement in docs/sinks/clickhouse.md has. */
const DEFAULT_COLUMNS: Readonly<Record<string, string>> = {
  id: "id",
  type: "type",
  source: "source",
  time: "time",
  receivedtime: "receivedtime",
  data: "data",
  event: "event",
};

const name = z.string().regex(NAME, "letters, digits, `_`, `-` and `.`");

export const clickhouseConfig = z.strictObject({
  ...sinkFields,
  type: z.literal("clickhouse"),
  url: httpUrl
    .refine((url) => isPlainUrl(url), { error: "has neither user, password nor parameters: use `user` and `settings`" })
    .describe("The server's HTTP interface, such as http://127.0.0.1:8123."),
  database: name.default("default").describe("Database of the table."),
  table: name.describe("Table that events are inserted into. It is not made by the sink."),
  user: z
    .string()
    .regex(/^[\x20-\x7e]+$/, "printable ASCII")
    .default("default")
    .describe("User who may insert."),
  password: z
    .string()
    .regex(/^[\x20-\x7e]*$/, "printable ASCII, since it is sent in a header")
    .default("")
    .describe("Password of the user. Take it from the environment: `${PASSWORD}`."),
  columns: z
    .record(
      name,
      z.string().refine((source) => ATTRIBUTE.test(source) || POINTER.test(source), {
        error: "an attribute such as `type`, `data`, `event`, or a JSON Pointer such as /data/total",
      }),
    )
    .refine((columns) => Object.keys(columns).length > 0, { error: "at least one column" })
    .default({ ...DEFAULT_COLUMNS })
    .describe(
      "What goes into which column. An attribute of the event by its name, `data` as JSON in a string, `event` for the whole event as it was stored, or a JSON Pointer for the value there, as it is. What an event does not have is left to the column's default.",
    ),
  compression: compression.default("none").describe("Content-Encoding of the body."),
  asyncInsert: z
    .boolean()
    .default(true)
    .describe(
      "Let the server gather rows of several inserts (`async_insert`), and wait until they are written. Off: each batch is a part of its own; also for servers from before 21.11.",
    ),
  deduplicate: z
    .boolean()
    .default(true)
    .describe(
      "Send a token that is the same for a batch sent again (`insert_deduplication_token`), so that a table with a deduplication window takes it once. Off: for servers from before 22.2.",
    ),
  settings: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,99}$/, "the name of a setting")
        .refine((setting) => !OWN_SETTINGS.has(setting), { error: "is set by the sink" }),
      z.union([z.string(), z.number(), z.boolean()]),
    )
    .default({})
    .describe("Further settings of ClickHouse for each insert, such as `insert_quorum: 2`."),
  tls: outboundTlsField.describe("How the server's certificate is checked, and ours is shown."),
  batch: batchField({
    maxEvents: 10_000,
    maxEventsCap: 500_000,
    maxBytes: 8 * MIB,
    maxBytesCap: 128 * MIB,
    maxAgeMs: 1_000,
  }).describe(
    "When a batch is inserted. ClickHouse sets no limit; bytes are those of the events as they are stored, and a row has about twice as many.",
  ),
});

export type ClickhouseConfig = z.infer<typeof clickhouseConfig>;
