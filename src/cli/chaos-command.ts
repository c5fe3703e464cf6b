import path from "node:path";
import { Command } from "commander";
import type { Fault } from "../chaos/fault.ts";
import { MillraceError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { type CliContext, printJson, printLine, type Run } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { numberFrom, wholeFrom } from "./number-argument.ts";
import { jsonOption } from "./options.ts";
import { table } from "./table.ts";

interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly rate: number;
  readonly workers: number;
  readonly only?: string;
  readonly config?: string;
  readonly keep?: string;
  readonly plan?: true;
  readonly faults?: true;
  readonly json?: true;
}

/** Below this there is no time for a fault to begin and end. */
const LEAST_MINUTES = 0.1;
/** With more, the small disk would have less room for each journal than the 1 MiB that it takes. */
const MOST_WORKERS = 48;

export function chaosCommand(context: CliContext, run: Run): Command {
  return new Command("chaos")
    .description("break everything around a collector on this machine, and check that nothing acknowledged is lost")
    .option(
      "--minutes <n>",
      "length of the storm; delivering what is left comes on top",
      numberFrom(LEAST_MINUTES, 24 * 60),
      10,
    )
    .option("--seed <n>", "decides which faults come when: the same seed, the same storm", wholeFrom(0, 2 ** 31), 1)
    .option("--rate <n>", "events a second", numberFrom(1, 100_000), 1_000)
    .option("--workers <n>", "workers of the collector", wholeFrom(1, MOST_WORKERS), 2)
    .option("--only <faults>", "these faults only, with commas between them")
    .option("-c, --config <file>", "take http and journal from this configuration; nothing else of it is used")
    .option("--keep <dir>", "work in this directory, which must be empty, and leave everything there")
    .option("--plan", "print which faults would come when, and start nothing")
    .option("--faults", "list the faults, and start nothing")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Starts a collector of its own on free ports, with a stand-in for Kinesis and files as its
sinks, sends it events at every level of acknowledgement, and keeps its own record of what
was acknowledged. The exit code is 0 only if everything acknowledged as accepted, durable or
delivered arrived unchanged and the ledger agrees. Ctrl-C ends the storm early, with its
report; a second one gives it up.

Examples:
  millrace chaos --minutes 10 --seed 1
  millrace chaos --minutes 2 --only kill-worker,sink-down
  millrace chaos --seed 7 --plan
  millrace chaos --minutes 1 --only sink-lies     # a sink that loses events: must exit with 1`,
    )
    .action((options: ChaosOptions) => run(() => chaos(options, context)));
}

async function chaos(options: ChaosOptions, context: CliContext): Promise<number> {
  const { ALL_FAULTS, USUAL_FAULTS } = await import("../chaos/faults/all-faults.ts");
  const { drawPlan } = await import("../chaos/plan.ts");
  if (options.faults === true) {
    if (options.json)
      printJson(
        context.stdout,
        ALL_FAULTS.map(({ name, meaning, weight }) => ({ name, meaning, usual: weight > 0 })),
      );
    else printLine(context.stdout, table(ALL_FAULTS.map(({ name, meaning }) => [name, meaning])));
    return EXIT.ok;
  }
  const faults = options.only === undefined ? USUAL_FAULTS : named(options.only, ALL_FAULTS);
  const plan = drawPlan({ seed: options.seed, lengthMs: options.minutes * 60_000, faults });
  if (plan.faults.length === 0) {
    throw new MillraceError(
      "usage",
      `no fault begins and ends within ${options.minutes} minutes: give it more --minutes`,
    );
  }
  if (options.plan === true) {
    const { planText } = await import("./chaos-report.ts");
    if (options.json) printJson(context.stdout, plan);
    else printLine(context.stdout, planText(plan));
    return EXIT.ok;
  }
  const { runChaos } = await import("./run-chaos.ts");
  return runChaos({ ...options, plan, faults, program: mainProgram }, context);
}

/** The command line itself: the collector under test is another run of it. */
const mainProgram = path.join(import.meta.dirname, "..", `main${path.extname(import.meta.filename)}`);

function named(list: string, all: readonly Fault[]): Fault[] {
  return list.split(",").map((part) => {
    const name = part.trim();
    const fault = all.find((each) => each.name === name);
    if (fault !== undefined) return fault;
    const nearest = nearestName(
      name,
      all.map((each) => each.name),
    );
    const hint = nearest === undefined ? '"millrace chaos --faults" lists them' : `did you mean ${nearest}?`;
    throw new MillraceError("usage", `there is no fault ${JSON.stringify(name)}: ${hint}`);
  });
}
