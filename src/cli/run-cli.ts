import { Command } from "commander";
import { packageVersion } from "../app/package-version.ts";
import { benchCommand } from "./bench-command.ts";
import { chaosCommand } from "./chaos-command.ts";
import { checkCommand } from "./check-command.ts";
import type { CliContext, Run } from "./cli-context.ts";
import { costCommand } from "./cost-command.ts";
import { devCommand } from "./dev-command.ts";
import { EXIT, EXIT_CODES_HELP } from "./exit-codes.ts";
import { journalCommand } from "./journal-command.ts";
import { keysNewCommand } from "./keys-new-command.ts";
import { hasColours } from "./paint.ts";
import { reportError } from "./report-error.ts";
import { schemaConfigCommand } from "./schema-config-command.ts";
import { schemaTestCommand } from "./schema-test-command.ts";
import { startCommand } from "./start-command.ts";
import { versionCommand } from "./version-command.ts";

/**
 * Runs the command line `args` (without node and the script) and resolves with the exit
 * code. Never rejects: what goes wrong is printed.
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let exitCode: number = EXIT.ok;
  const run: Run = async (work) => {
    exitCode = await work();
  };
  try {
    await program(context, run).parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return reportError(error, context, args.includes("--json"));
  }
}

function program(context: CliContext, run: Run): Command {
  const millrace = new Command("millrace")
    .description(
      "Collects events over HTTP, keeps them in a journal on disk, and delivers them to streams,\narchives and files without losing one that was acknowledged.",
    )
    .version(packageVersion(), "-V, --version", "print the version")
    .addHelpText(
      "after",
      `
Examples:
  millrace dev                           # try it: runs without any configuration
  millrace check                         # is millrace.yaml valid, and what would it run?
  millrace start --config millrace.yaml
  millrace schema test events.ndjson     # validate events against your schemas

The configuration is the file named by --config, else ./millrace.yaml, ./millrace.yml or
./millrace.json, else a built-in one that listens on this machine only and writes files.
${EXIT_CODES_HELP}
Every command explains itself: millrace COMMAND --help`,
    );
  millrace.addCommand(startCommand(context, run));
  millrace.addCommand(devCommand(context, run));
  millrace.addCommand(checkCommand(context, run));
  millrace.addCommand(benchCommand(context, run));
  millrace.addCommand(chaosCommand(context, run));
  millrace.addCommand(costCommand(context, run));
  millrace.addCommand(
    new Command("schema")
      .description("work with schemas: of events, and of the configuration")
      .addCommand(schemaTestCommand(context, run))
      .addCommand(schemaConfigCommand(context)),
  );
  millrace.addCommand(journalCommand(context, run));
  millrace.addCommand(new Command("keys").description("work with write keys").addCommand(keysNewCommand(context)));
  millrace.addCommand(versionCommand(context));
  return withContext(millrace, context);
}

/** Makes a command and those below it print to the context and throw instead of ending the process. */
function withContext(command: Command, context: CliContext): Command {
  const { stdout, stderr, env } = context;
  command
    .exitOverride()
    .showHelpAfterError(`Run "${fullName(command)} --help" to see what it takes.`)
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHasColors: () => hasColours(stdout, env),
      getErrHasColors: () => hasColours(stderr, env),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    });
  for (const inner of command.commands) withContext(inner, context);
  return command;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
