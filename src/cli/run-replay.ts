import path from "node:path";
import type { MillraceConfig } from "../app/config.ts";
import { loadAppConfig, type LoadedConfig } from "../app/load-app-config.ts";
import { stopSignal } from "../app/stop-signals.ts";
import { MillraceError } from "../core/errors.ts";
import { loadRun, newRun, type RunState, saveRun } from "../replay/run-state.ts";
import { lockRun } from "../replay/run-lock.ts";
import { assertFilter } from "../replay/selection.ts";
import { createLogger } from "../telemetry/log.ts";
import { type CliContext, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { hasColours } from "./paint.ts";
import { deliverReplay, type DeliverParts, tryReplay } from "./deliver-replay.ts";
import {
  assertOnlyResumes,
  editRulesOf,
  parsePlan,
  planOf,
  type ReplayOptions,
  type ReplayPlan,
  runName,
} from "./replay-plan.ts";
import { EVENT_PORT, type ReplayOutcome, replayText, dryRunText, total } from "./replay-report.ts";
import { refusingSinks } from "./replay-events.ts";
import { reportProblems } from "./report-problems.ts";

/** `millrace replay`. Resolves with the exit code. */
export async function replay(options: ReplayOptions, context: CliContext): Promise<number> {
  const { cwd, env } = context;
  const loaded = await loadAppConfig({ file: options.config, cwd, env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  return options.resume === undefined
    ? begin(options, loaded, context)
    : goOn(options, options.resume, loaded, context);
}

/** Aborted by the first signal to stop. The second ends the process, as it stands. */
function untilStopped(): AbortSignal {
  const stop = new AbortController();
  void stopSignal(() => {}).then(async ({ second }) => {
    stop.abort();
    await second;
    process.exit(EXIT.interrupted);
  });
  return stop.signal;
}

async function begin(
  options: ReplayOptions,
  loaded: LoadedConfig & { kind: "ok" },
  context: CliContext,
): Promise<number> {
  const { config } = loaded;
  const nowMs = Date.now();
  const plan = planOf(options, config, context, nowMs);
  await assertUsable(plan);
  const parts = await partsOf(options, loaded, context);
  const { signal } = parts;
  if (plan.from === "journal" && plan.to !== undefined) {
    const { owedPositions } = await import("../replay/journal-history.ts");
    plan.owedFrom = await owedPositions(config.journal, plan.to);
  }
  const targets = await targetsOf(plan, config, context);
  if (options.dryRun) return dryRun(targets, parts, options, context);
  const name = runName(options.run, nowMs);
  if (plan.from === "journal" || plan.from === "archive") {
    await assertNew(parts.stateDir, name);
    return runNamed(name, plan, newRun(JSON.stringify(plan)), parts, options, context);
  }
  const lock = await lockRun(parts.stateDir, plan.from);
  try {
    const outcomes: ReplayOutcome[] = [];
    for (const [at, target] of targets.entries()) {
      if (signal.aborted) break;
      outcomes.push(await deliverReplay(target, `${name}-${at}`, newRun(""), async () => {}, parts));
    }
    return report(outcomes, parts, options, context);
  } finally {
    await lock.release();
  }
}

async function goOn(
  options: ReplayOptions,
  name: string,
  loaded: LoadedConfig & { kind: "ok" },
  context: CliContext,
): Promise<number> {
  assertOnlyResumes(options);
  const state = await loadRun(path.join(stateDirOf(options, loaded.config, context), runName(name, 0)));
  if (state.finished)
    throw new MillraceError("usage", `the run ${name} is through; begin another to send its events again`);
  const parts = await partsOf(options, loaded, context);
  return runNamed(name, parsePlan(state.what), state, parts, options, context);
}

async function runNamed(
  name: string,
  plan: ReplayPlan,
  state: RunState,
  parts: DeliverParts,
  options: ReplayOptions,
  context: CliContext,
): Promise<number> {
  const folder = path.join(parts.stateDir, name);
  const lock = await lockRun(parts.stateDir, name);
  try {
    // Each start has positions of its own, so it must be counted before one is used.
    const before = { ...state, starts: state.starts + 1 };
    await saveRun(folder, before);
    const outcome = await deliverReplay(plan, name, before, (next) => saveRun(folder, next), parts);
    return await report([{ ...outcome, run: name }], parts, options, context);
  } finally {
    await lock.release();
  }
}

function stateDirOf({ stateDir }: ReplayOptions, { journal }: MillraceConfig, { cwd }: CliContext): string {
  return stateDir === undefined ? path.join(path.dirname(journal.dir), "replay") : path.resolve(cwd, stateDir);
}

/** Rejects with `edit_invalid` or `filter_invalid`, also where there is nothing to replay. */
async function assertUsable(plan: ReplayPlan): Promise<void> {
  await editRulesOf(plan);
  if (plan.filter !== undefined) assertFilter(plan.filter);
}

async function assertNew(stateDir: string, name: string): Promise<void> {
  const known = await loadRun(path.join(stateDir, name)).catch((error: unknown) => {
    if (error instanceof MillraceError) return undefined;
    throw error;
  });
  if (known !== undefined)
    throw new MillraceError("usage", `there is a run ${name} already: go on with --resume ${name}, or name another`);
}

/** Dead letters go back to the sinks that refused them, each by a pipeline of its own. */
async function targetsOf(plan: ReplayPlan, config: MillraceConfig, { stderr }: CliContext): Promise<ReplayPlan[]> {
  if (plan.from !== "dead-letters" || plan.to !== undefined) return [plan];
  const names = new Set(
    config.sinks.filter(({ type }) => type !== "memory" && type !== "notify").map((sink) => sink.name),
  );
  const refusing = plan.refusedBy === undefined ? await refusingSinks(plan, config) : new Set([plan.refusedBy]);
  for (const gone of [...refusing].filter((sink) => !names.has(sink)))
    printLine(stderr, `There is no sink ${gone} to replay to: its dead letters are left, unless --to names another.`);
  return [...refusing].filter((sink) => names.has(sink)).map((to) => ({ ...plan, to, refusedBy: to }));
}

async function partsOf(
  options: ReplayOptions,
  { config, schemas }: LoadedConfig & { kind: "ok" },
  context: CliContext,
): Promise<DeliverParts> {
  const { stderr, env } = context;
  const log = await createLogger({
    level: options.logLevel ?? "warn",
    format: options.json || stderr.isTTY !== true ? "json" : "pretty",
    colours: hasColours(stderr, env),
    stream: stderr,
  });
  const stateDir = stateDirOf(options, config, context);
  const signal = untilStopped();
  const eventsPerSecond = options.rate ?? Number.POSITIVE_INFINITY;
  return { config, schemas, stateDir, url: options.url, eventsPerSecond, context, log, signal };
}

async function dryRun(
  targets: readonly ReplayPlan[],
  parts: DeliverParts,
  { json }: ReplayOptions,
  context: CliContext,
): Promise<number> {
  const runs = [];
  for (const target of targets) {
    const to = target.to ?? EVENT_PORT;
    runs.push({ to, ...(await tryReplay(target, parts)) });
  }
  if (json) printJson(context.stdout, { dryRun: true, replays: runs });
  else if (runs.length === 0) printLine(context.stdout, "There is nothing to replay.");
  else for (const { to, ...run } of runs) printLine(context.stdout, dryRunText(to, run));
  if (parts.signal.aborted) return EXIT.interrupted;
  return runs.every(({ problems }) => problems.length === 0) ? EXIT.ok : EXIT.failed;
}

async function report(
  outcomes: readonly ReplayOutcome[],
  { config, signal }: DeliverParts,
  { json }: ReplayOptions,
  { stdout, stderr }: CliContext,
): Promise<number> {
  // The events themselves may be on standard output.
  const isTaken = outcomes.some(({ to }) => config.sinks.some(({ name, type }) => name === to && type === "stdout"));
  if (json) printJson(isTaken ? stderr : stdout, { replays: outcomes });
  else if (outcomes.length === 0) printLine(stderr, "There is nothing to replay.");
  else for (const outcome of outcomes) printLine(stderr, replayText(outcome));
  if (signal.aborted && outcomes.some(({ isThrough }) => !isThrough)) return EXIT.interrupted;
  const isGood = outcomes.every(
    ({ isThrough, ledger, problems }) =>
      isThrough && problems.length === 0 && total(ledger.refused) === 0 && (ledger.skipped["unreadable"] ?? 0) === 0,
  );
  return isGood ? EXIT.ok : EXIT.failed;
}
