import { Command } from "commander";
import { MillraceError } from "../core/errors.ts";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { mayApply } from "./confirm.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { reportProblems } from "./report-problems.ts";
import { applyPlan, isPending, planOf, type SinkPlan } from "./search-plan.ts";
import { planAsJson, printPlan } from "./search-plan-report.ts";

interface SetupOptions {
  readonly config?: string;
  readonly sink?: string;
  readonly apply?: true;
  readonly replace?: true;
  readonly json?: true;
}

export function setupOpensearchCommand(context: CliContext, run: Run): Command {
  return new Command("opensearch")
    .alias("elasticsearch")
    .description("index templates, data streams and retention policies of opensearch and elasticsearch sinks")
    .option("--sink <name>", "of this sink only")
    .option("--apply", "make what is missing and change what differs; otherwise asked on a terminal")
    .option("--replace", "also what others made under the same names")
    .addOption(configOption())
    .addOption(jsonOption("print the plan as JSON, with the bodies of all requests"))
    .addHelpText(
      "after",
      `
Shows what the server has and what the sinks need, and changes nothing unless told to. What is
there beyond that is left alone; run again, it finds nothing to do. The exit code is 1 when the server
cannot be looked at, a request fails, or something of others is in the way.

Examples:
  millrace setup opensearch
  millrace setup opensearch --apply
  millrace setup elasticsearch --sink search --json`,
    )
    .action((options: SetupOptions) => run(() => setUp(options, context)));
}

async function setUp(options: SetupOptions, context: CliContext): Promise<number> {
  const { cwd, env, stdout } = context;
  const { loadAppConfig } = await import("../app/load-app-config.ts");
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const { searchSetups } = await import("../app/search-setup.ts");
  const setups = searchSetups(loaded.config);
  try {
    const wanted = setups.filter(({ config }) => options.sink === undefined || config.name === options.sink);
    if (wanted.length === 0) throw new MillraceError("usage", noSuchSink(options.sink));
    const plans: SinkPlan[] = [];
    for (const setup of wanted) plans.push(await planOf(setup, options.replace === true));
    if (!options.json) for (const plan of plans) printPlan(plan, context);
    if (plans.some(isPending) && (await mayApply(options, context))) for (const plan of plans) await applyPlan(plan);
    if (options.json) printJson(stdout, plans.map(planAsJson));
    else printOutcome(plans, context);
    return plans.every(({ items }) => items.every(({ outcome }) => outcome !== "failed")) ? EXIT.ok : EXIT.failed;
  } finally {
    await Promise.all(setups.map((setup) => setup.close()));
  }
}

function printOutcome(plans: readonly SinkPlan[], { stdout }: CliContext): void {
  const items = plans.flatMap((plan) => plan.items);
  for (const { step, outcome, problem } of items) {
    const what = `${step.object.kind} ${step.object.name}`;
    if (outcome === "done") printLine(stdout, `done    ${what}`);
    // Why it could not be looked at is in the plan; nothing was tried.
    if (outcome === "failed" && step.standing.kind !== "unknown")
      printLine(stdout, `failed  ${what}: ${problem ?? ""}`);
  }
  if (items.some(({ step }) => step.standing.kind === "unknown"))
    printLine(stdout, "What could not be looked at (?) was left alone. Run again once it answers.");
  if (items.some(({ outcome }) => outcome === "pending"))
    printLine(stdout, "Nothing was changed. Run again with --apply to do it.");
  else if (items.every(({ outcome }) => outcome === "nothing to do")) printLine(stdout, "There is nothing to do.");
  if (items.some(({ step, outcome }) => outcome === "done" && step.standing.kind !== "missing"))
    printLine(
      stdout,
      "Indices that are there keep their settings; a data stream has the new ones after its next rollover.",
    );
}

function noSuchSink(name: string | undefined): string {
  return name === undefined
    ? "the configuration has no sink of type opensearch or elasticsearch"
    : `the configuration has no sink ${JSON.stringify(name)} of type opensearch or elasticsearch`;
}
