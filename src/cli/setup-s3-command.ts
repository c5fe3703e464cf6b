import { Command } from "commander";
import type { S3Setup } from "../app/s3-setup.ts";
import { MillraceError } from "../core/errors.ts";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { mayApply } from "./confirm.ts";
import { EXIT } from "./exit-codes.ts";
import { configOption, jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { reportProblems } from "./report-problems.ts";

interface SetupOptions {
  readonly config?: string;
  readonly sink?: string;
  readonly apply?: true;
  readonly check?: true;
  readonly create?: true;
  readonly blockPublicAccess?: true;
  readonly json?: true;
}

type Plan = Awaited<ReturnType<S3Setup["plan"]>>;

/** A plan, and what became of it. */
interface Outcome {
  readonly setup: S3Setup;
  readonly plan: Plan;
  failure?: string;
  applied?: true;
}

/** Longest wait for looking at all buckets, and for changing them. */
const TIMEOUT_MS = 60_000;

const SIGNS = { added: "+", changed: "~", kept: "=" } as const;

export function setupS3Command(context: CliContext, run: Run): Command {
  return new Command("s3")
    .description("retention in the buckets of s3 sinks: shows what it would change, and changes it when told to")
    .option("--sink <name>", "of this sink only")
    .option("--apply", "make the changes; otherwise asked on a terminal")
    .option("--check", "change nothing, and exit with 1 when something differs")
    .option("--create", "create buckets that are missing, with Object Lock where a sink needs it, closed to the public")
    .option("--block-public-access", "also for buckets that are there")
    .addOption(configOption())
    .addOption(jsonOption("print the plan, and what became of it, as JSON"))
    .addHelpText(
      "after",
      `
Writes the \`retention\` of each sink into its bucket's lifecycle. Rules of others, and of sinks
that are not in this configuration, stay as they are. Run again, it finds nothing to do. The exit
code is 1 when a bucket cannot be looked at or changed, or something stands in the way.

Examples:
  millrace setup s3
  millrace setup s3 --apply --create
  millrace setup s3 --check --json`,
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
  const { bucketSetups } = await import("../app/s3-setup.ts");
  const setups = bucketSetups(loaded.config, {
    ...(options.sink !== undefined && { sink: options.sink }),
    createBucket: options.create === true,
    blockPublicAccess: options.blockPublicAccess === true,
  });
  if (setups.length === 0) throw new MillraceError("usage", noSuchSink(options.sink));
  try {
    const outcomes: Outcome[] = [];
    for (const setup of setups) {
      const plan = await setup.plan(AbortSignal.timeout(TIMEOUT_MS));
      outcomes.push({ setup, plan });
      if (!options.json) printPlan(plan, context);
    }
    const pending = outcomes.filter(({ plan }) => plan.changes);
    const isOnlyLook = options.check === true || pending.length === 0;
    if (!isOnlyLook && (await mayApply(options, context))) await applyAll(pending);
    if (options.json) printJson(stdout, outcomes.map(asJson));
    else printOutcome(outcomes, context);
    const isWell = outcomes.every(({ plan, failure }) => plan.problems.length === 0 && failure === undefined);
    const differs = options.check === true && pending.length > 0;
    return isWell && !differs ? EXIT.ok : EXIT.failed;
  } finally {
    for (const setup of setups) setup.close();
  }
}

async function applyAll(outcomes: readonly Outcome[]): Promise<void> {
  for (const outcome of outcomes) {
    try {
      await outcome.setup.apply(outcome.plan, AbortSignal.timeout(TIMEOUT_MS));
      outcome.applied = true;
    } catch (error) {
      outcome.failure = error instanceof Error ? error.message : String(error);
    }
  }
}

function printPlan(plan: Plan, { stdout, env }: CliContext): void {
  const paint = painter(stdout, env);
  const { bucket, region, exists, versioning, objectLock, lifecycle } = plan;
  const standing = exists
    ? `exists, versioning ${versioning ? "on" : "off"}, Object Lock ${objectLock === undefined ? "unknown" : objectLock ? "on" : "off"}`
    : exists === undefined
      ? "cannot be looked at"
      : "does not exist";
  printLine(stdout, paint("bold", `s3://${bucket} (${region})`));
  printLine(stdout, `  ${standing}; sinks: ${plan.sinks.join(", ")}`);
  if (plan.createBucket) printLine(stdout, `  + create the bucket${objectLock ? ", with Object Lock" : ""}`);
  if (plan.blockPublicAccess) printLine(stdout, "  + block public access");
  for (const { kind, id, does } of lifecycle.changes) {
    printLine(stdout, `  ${SIGNS[kind]} rule ${id}`);
    printLine(stdout, paint("dim", `      ${does}`));
  }
  const others = lifecycle.others.length;
  if (others > 0)
    printLine(stdout, `  ${others} other ${others === 1 ? "rule stays as it is" : "rules stay as they are"}`);
  for (const note of plan.notes) printLine(stdout, `  note: ${note}`);
  for (const problem of plan.problems) printLine(stdout, `  ${paint("red", "problem:")} ${problem}`);
  printLine(stdout);
}

function printOutcome(outcomes: readonly Outcome[], { stdout }: CliContext): void {
  for (const { plan, applied, failure } of outcomes) {
    if (applied) printLine(stdout, `done    s3://${plan.bucket}`);
    if (failure !== undefined) printLine(stdout, `failed  s3://${plan.bucket}: ${failure}`);
  }
  if (outcomes.every(({ plan }) => !plan.changes)) {
    const isWell = outcomes.every(({ plan }) => plan.problems.length === 0);
    printLine(stdout, isWell ? "There is nothing to do." : "Nothing can be done before these problems are solved.");
  } else if (outcomes.every(({ applied, failure }) => !applied && failure === undefined)) {
    printLine(stdout, "Nothing was changed. Run again with --apply to do it.");
  }
}

function asJson({ plan, applied, failure }: Outcome): unknown {
  return {
    ...plan,
    exists: plan.exists ?? null,
    objectLock: plan.objectLock ?? null,
    applied: applied === true,
    failure: failure ?? null,
  };
}

function noSuchSink(name: string | undefined): string {
  return name === undefined
    ? "the configuration has no sink of type s3"
    : `the configuration has no sink ${JSON.stringify(name)} of type s3`;
}
