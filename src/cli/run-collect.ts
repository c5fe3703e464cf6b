import { Writable } from "node:stream";
import type { Logger } from "pino";
import { loadAppConfig } from "../app/load-app-config.ts";
import { runCollector, type RunOptions } from "../app/run-collector.ts";
import { createLogger } from "../telemetry/log.ts";
import type { CliContext } from "./cli-context.ts";
import type { CollectDefaults, CollectOptions } from "./collect.ts";
import { EXIT } from "./exit-codes.ts";
import { hasColours } from "./paint.ts";
import { reportProblems, reportWarnings } from "./report-problems.ts";

/** The larger part of `collect`, loaded while the first worker loads its own code. */
export async function runCollect(
  context: CliContext,
  options: CollectOptions,
  defaults: CollectDefaults,
  earlyChild: NonNullable<RunOptions["earlyChild"]>,
): Promise<number> {
  const { cwd, env, stderr } = context;
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const logging = {
    level: options.logLevel ?? defaults.level ?? loaded.config.log.level,
    format: options.json ? ("json" as const) : defaults.format,
    colours: hasColours(stderr, env),
  };
  const log = await createLogger({ ...logging, stream: stderr });
  if (options.json) for (const warning of loaded.warnings) log.warn(warning);
  else reportWarnings(loaded.warnings, context);
  const { workers } = defaults;
  return runCollector({
    loaded,
    cwd,
    env,
    log,
    logging,
    earlyChild,
    ...(workers !== undefined && { workers }),
    output: options.json ? linesOf(log) : stderr,
  });
}

/** With `--json` every line is JSON, so what is printed for people becomes the message of a log line. */
function linesOf(log: Logger): Writable {
  return new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      log.info(String(text).trim());
      done();
    },
  });
}
