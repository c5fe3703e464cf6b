import { type ConfigProblem, formatProblem } from "../config/config-problem.ts";
import { type CliContext, printJsonError, printLine } from "./cli-context.ts";
import { painter } from "./paint.ts";
import { shortPath } from "../config/short-path.ts";

/** Lists on standard error everything that is wrong with a configuration. */
export function reportProblems(
  { file, problems }: { file: string; problems: readonly ConfigProblem[] },
  context: CliContext,
  json = false,
): void {
  const { stderr, env, cwd } = context;
  if (json) {
    printJsonError(stderr, { code: "config_invalid", problems });
    return;
  }
  const paint = painter(stderr, env);
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  printLine(
    stderr,
    `${paint("red", "error:")} ${shortPath(file, cwd)} has ${count} ${paint("dim", "(config_invalid)")}\n`,
  );
  for (const problem of problems) printLine(stderr, `  ${formatProblem(problem)}`);
}

export function reportWarnings(warnings: readonly string[], context: CliContext): void {
  const { stderr, env } = context;
  const paint = painter(stderr, env);
  for (const warning of warnings) printLine(stderr, `${paint("yellow", "warning:")} ${warning}`);
}
