import { Command } from "commander";
import { packageVersion } from "../app/package-version.ts";
import type { CliContext, Run } from "./cli-context.ts";
import { commandsFor } from "./commands.ts";
import { EXIT, EXIT_CODES_HELP } from "./exit-codes.ts";
import { hasColours } from "./paint.ts";
import { reportError } from "./report-error.ts";

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
    const millrace = await program(args, context, run);
    await millrace.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return reportError(error, context, args.includes("--json"));
  }
}

async function program(args: readonly string[], context: CliContext, run: Run): Promise<Command> {
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
  for (const make of await commandsFor(args[0])) millrace.addCommand(make(context, run));
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
