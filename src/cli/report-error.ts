import { CommanderError } from "commander";
import { type ErrorCode, MillraceError } from "../core/errors.ts";
import { type CliContext, printJsonError, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { painter } from "./paint.ts";

/**
 * Says on standard error what went wrong, and returns the exit code. A failure that a
 * person can act on is one line with a code; anything else is a bug and comes with its stack.
 */
export function reportError(error: unknown, context: CliContext, json: boolean): number {
  // commander has printed its own help or message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { stderr, env } = context;
  const paint = painter(stderr, env);
  if (error instanceof MillraceError) {
    if (json) printJsonError(stderr, { code: error.code, message: error.message });
    else {
      // Below what points at a place in a line above it, the code would look like part of it.
      const before = /\n\s*\^$/.test(error.message) ? "\n" : " ";
      printLine(stderr, `${paint("red", "error:")} ${error.message}${before}${paint("dim", `(${error.code})`)}`);
    }
    return EXIT_CODE_OF[error.code];
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (json) printJsonError(stderr, { code: "bug", message: stack });
  else
    printLine(
      stderr,
      `${paint("red", "error:")} this is a bug in Millrace; please report it with the lines below\n\n${stack}`,
    );
  return EXIT.failed;
}

const EXIT_CODE_OF: Readonly<Record<ErrorCode, number>> = {
  usage: EXIT.usage,
  config_invalid: EXIT.configInvalid,
  config_not_found: EXIT.configInvalid,
  schema_invalid: EXIT.configInvalid,
  sink_misconfigured: EXIT.configInvalid,
  filter_invalid: EXIT.configInvalid,
  geo_invalid: EXIT.configInvalid,
  edit_invalid: EXIT.configInvalid,
  replay_unusable: EXIT.failed,
  tls_invalid: EXIT.configInvalid,
  port_unavailable: EXIT.failed,
  journal_full: EXIT.failed,
  journal_locked: EXIT.failed,
  journal_unusable: EXIT.failed,
  journal_write_failed: EXIT.failed,
  lifeboat_invalid: EXIT.failed,
  ack_unavailable: EXIT.failed,
  duckdb_missing: EXIT.failed,
  query_failed: EXIT.failed,
};
