import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from "pino";

/** Least severe line to log. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** A stream to log to; process.stdout and process.stderr have a file descriptor. */
interface LogStream extends DestinationStream {
  readonly fd?: number;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one object a line, for machines. `pretty`: for a person at a terminal. */
  readonly format: "json" | "pretty";
  readonly stream: LogStream;
  /** Of the pretty form. */
  readonly colours?: boolean;
}

/** Lines that may wait for a slow reader of the log. Beyond that, lines are dropped rather than requests stalled. */
const MAX_WAITING_BYTES = 1024 * 1024;

const SECRET_FIELDS = ["authorization", "cookie", "key", "keys", "password", "secret", "token", "writeKey"];

/**
 * What terminals obey and JSON leaves as it is: C1 control characters, line and paragraph
 * separators, and marks that turn the direction of text.
 */
const UNPRINTABLE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** The collector's own log. Nothing in it may come from an event or be a key; as a second line of defence, fields named like secrets are masked. */
export async function createLogger(options: LogOptions): Promise<Logger> {
  const { level, format, stream, colours = false } = options;
  const settings = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: plainError, error: plainError },
    hooks: { streamWrite: printable },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "(hidden)",
    },
  };
  if (format === "pretty") {
    // Only a person at a terminal needs it, so nobody else waits for it to load.
    const { prettyFactory } = await import("pino-pretty");
    const prettify = prettyFactory({
      colorize: colours,
      translateTime: "SYS:HH:MM:ss.l",
      ignore: "pid,hostname",
    });
    return pino(settings, { write: (line) => stream.write(printable(prettify(line))) });
  }
  // Written in the background: a reader of the log that stalls must not stall requests.
  const target =
    stream.fd === undefined ? stream : destination({ dest: stream.fd, sync: false, maxLength: MAX_WAITING_BYTES });
  return pino(settings, target);
}

/** Most lines quote nothing from outside; those of level debug do. */
function printable(line: string): string {
  return line.replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What helps to understand an error. Clients hang requests on theirs, and requests have headers with credentials. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: plainError(error.cause) };
  return { type: error.name, message: error.message, ...code, stack: error.stack, ...cause };
}
