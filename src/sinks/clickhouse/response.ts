import type { Receipt } from "../../core/sink.ts";
import { quotable } from "../../outbound/quotable.ts";
import { retryAfterMs } from "../../outbound/retry-after.ts";
import type { Reply } from "../../outbound/whole-reply.ts";

/**
 * Codes of exceptions that blame a value: as it is, the column never takes it. Numbers and names are those of
 * https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp.
 */
const BLAMES_VALUE: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  25, // CANNOT_PARSE_ESCAPE_SEQUENCE
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  120, // CANNOT_INSERT_VALUE_OF_DIFFERENT_SIZE_INTO_TUPLE
  128, // TOO_LARGE_ARRAY_SIZE
  130, // CANNOT_READ_ARRAY_FROM_TEXT
  131, // TOO_LARGE_STRING_SIZE
  190, // SIZES_OF_ARRAYS_DOESNT_MATCH
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  376, // CANNOT_PARSE_UUID
  407, // DECIMAL_OVERFLOW
  441, // CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
  467, // CANNOT_PARSE_BOOL
  469, // VIOLATED_CONSTRAINT
  675, // CANNOT_PARSE_IPV4
  676, // CANNOT_PARSE_IPV6
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);

/** What to do about exceptions that blame the server, the table or the configuration. Events wait meanwhile. */
const ADVICE: Readonly<Record<number, string>> = {
  16: "the table lacks a column: add it, or change columns",
  60: "make the table, or check database and table",
  81: "make the database, or check database",
  115: "the server does not know a setting: check settings, asyncInsert and deduplicate",
  159: "the server is too slow: look at its load",
  164: "the user may only read",
  192: "check user",
  193: "check password",
  194: "check password",
  202: "the server has too many queries at a time: lower maxInFlight",
  241: "the server is short of memory",
  242: "the table is read-only: look at its replicas and its Keeper",
  243: "the server's disk is full",
  252: "the table has too many parts: raise batch.maxAgeMs and batch.maxEvents, or leave asyncInsert on",
  497: "grant INSERT on the table to the user",
  516: "check user and password",
};

/** An exception as the server tells it. */
export interface Exception {
  readonly code: number | undefined;
  readonly message: string;
}

/**
 * Reads the answer to an insert. Success has an empty body: an exception that came after the status was
 * sent is in the body of a 200.
 */
export function readInsertReply(reply: Reply, nowMs: number): Receipt {
  const exception = readException(reply);
  if (exception === undefined) return { kind: "delivered" };
  const reason = inWords(reply.status, exception);
  if (exception.code === undefined && reply.status === 413) return { kind: "refused", reason };
  if (exception.code !== undefined && blamesValue(exception.code, exception.message))
    return { kind: "refused", reason };
  const pauseMs = retryAfterMs(reply.headers, nowMs);
  return pauseMs === undefined ? { kind: "retryable", reason } : { kind: "retryable", reason, retryAfterMs: pauseMs };
}

/** What went wrong; `undefined` when nothing did and there is no output. */
export function readException({ status, headers, body }: Reply): Exception | undefined {
  const header = headers["x-clickhouse-exception-code"];
  const text = body.toString();
  const told = /Code: (\d+)[.,]/.exec(text)?.[1];
  const given = typeof header === "string" && /^\d+$/.test(header) ? header : told;
  if (status === 200 && given === undefined && text.trim() === "") return undefined;
  return { code: given === undefined ? undefined : Number(given), message: messageOf(text) };
}

/** An exception for a person: its code, what to do about it if we know, and the server's words. */
export function inWords(status: number, { code, message }: Exception): string {
  const advice = code === undefined ? undefined : ADVICE[code];
  const parts = [code === undefined ? `HTTP ${status}` : `ClickHouse code ${code}`];
  if (advice !== undefined) parts.push(advice);
  if (message !== "") parts.push(`"${message}"`);
  return parts.join(": ");
}

/** Before it had a code of its own, a value that an Enum lacks was a bad argument. */
function blamesValue(code: number, message: string): boolean {
  return BLAMES_VALUE.has(code) || (code === 36 && /\benum\b/i.test(message));
}

/** The words of the exception without what is always around them. */
function messageOf(text: string): string {
  const from = text.indexOf("DB::Exception: ");
  const said = from < 0 ? text.slice(0, 1024) : text.slice(from + "DB::Exception: ".length, from + 1024);
  return quotable(said.replace(/, e\.what\(\) = DB::Exception.*$/s, "").replace(/\(version [^)]*\)\s*$/, ""));
}
