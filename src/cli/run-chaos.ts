import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadAppConfig } from "../app/load-app-config.ts";
import type { ConfigParts } from "../chaos/collector-config.ts";
import type { Fault } from "../chaos/fault.ts";
import type { Plan } from "../chaos/plan.ts";
import { type Progress, runStorm } from "../chaos/storm.ts";
import { MillraceError } from "../core/errors.ts";
import { stormText } from "./chaos-report.ts";
import { clearLine, showLine } from "./changing-line.ts";
import { type CliContext, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { painter } from "./paint.ts";
import { reportProblems } from "./report-problems.ts";

export interface RunChaosOptions {
  readonly plan: Plan;
  readonly faults: readonly Fault[];
  readonly rate: number;
  readonly workers: number;
  readonly config?: string;
  readonly keep?: string;
  readonly json?: true;
  /** The program that is the collector. */
  readonly program: string;
}

const PLAIN_PROGRESS_EVERY_S = 15;

/** Runs a storm and reports it. Resolves with the exit code. */
export async function runChaos(options: RunChaosOptions, context: CliContext): Promise<number> {
  if (process.platform === "win32") {
    throw new MillraceError(
      "usage",
      "chaos needs the signals of Linux or macOS; Windows has no kill -9 and no SIGSTOP",
    );
  }
  const parts = await configParts(options, context);
  if (parts === undefined) return EXIT.configInvalid;
  const { plan, faults, rate, workers, program, json } = options;
  const dir = await workDir(options.keep, context);
  const end = new AbortController();
  const giveUp = new AbortController();
  using deferred = new DisposableStack();
  const on = (event: string, listener: (error: unknown) => void): void => {
    process.on(event, listener);
    deferred.defer(() => process.off(event, listener));
  };
  for (const signal of ["SIGINT", "SIGTERM"]) on(signal, () => (end.signal.aborted ? giveUp : end).abort());
  // Without its terminal nobody reads a report. The collector has a group of its own and would stay, and the mount.
  on("SIGHUP", () => giveUp.abort());
  // A bug, here or in a rejection that nobody waits for: it is told once everything is stopped.
  let bug: { readonly error: unknown } | undefined;
  on("uncaughtException", (error) => {
    bug ??= { error };
    giveUp.abort();
  });
  const progress = json ? undefined : progressTo(context, plan.endMs);
  try {
    const report = await runStorm({
      plan,
      faults,
      rate,
      workers,
      program,
      dir,
      configParts: parts,
      end: end.signal,
      giveUp: giveUp.signal,
      onProgress: (now) => progress?.show(now),
    });
    progress?.end();
    await writeFile(path.join(dir, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    const kept = options.keep !== undefined || !report.passed;
    if (!kept) await rm(dir, { recursive: true, force: true });
    if (json) printJson(context.stdout, report);
    else printLine(context.stdout, stormText(report, painter(context.stdout, context.env)));
    if (kept) printLine(context.stderr, `The collector's log, its files and the report are in ${dir}`);
    if (bug !== undefined) throw bug.error;
    return report.passed ? EXIT.ok : EXIT.failed;
  } catch (error) {
    progress?.end();
    printLine(context.stderr, `The collector's log is in ${dir}`);
    if (bug !== undefined) throw bug.error;
    if (giveUp.signal.aborted) return EXIT.failed;
    throw error;
  }
}

/** What is taken over from the configuration that was named; `undefined` when it has problems, which are printed. */
async function configParts(options: RunChaosOptions, context: CliContext): Promise<ConfigParts | undefined> {
  if (options.config === undefined) return {};
  const loaded = await loadAppConfig({ file: options.config, cwd: context.cwd, env: context.env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return undefined;
  }
  const { http, journal } = loaded.config;
  if (journal.durability === "memory") {
    throw new MillraceError(
      "usage",
      "a journal in memory loses events when a process ends, as it says: there is nothing to check",
    );
  }
  return { http, journal };
}

async function workDir(keep: string | undefined, { cwd }: CliContext): Promise<string> {
  if (keep === undefined) return mkdtemp(path.join(tmpdir(), "millrace-chaos-"));
  const dir = path.resolve(cwd, keep);
  try {
    await mkdir(dir, { recursive: true });
    if ((await readdir(dir)).length === 0) return dir;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("usage", `${dir} cannot be used: ${reason}`, { cause: error });
  }
  throw new MillraceError("usage", `${dir} is not empty: name a directory that is, or that does not exist yet`);
}

/** On a terminal one line that changes, elsewhere a line now and then. */
function progressTo({ stderr }: CliContext, lengthMs: number): { show(progress: Progress): void; end(): void } {
  const onTerminal = stderr.isTTY === true;
  let shownSeconds = Number.NEGATIVE_INFINITY;
  return {
    show(progress) {
      if (onTerminal) {
        showLine(stderr, progressLine(progress, lengthMs));
      } else if (progress.seconds - shownSeconds >= PLAIN_PROGRESS_EVERY_S) {
        shownSeconds = progress.seconds;
        printLine(stderr, progressLine(progress, lengthMs));
      }
    },
    end() {
      if (onTerminal) clearLine(stderr);
    },
  };
}

function progressLine({ step, seconds, sent, owed, active, violations }: Progress, lengthMs: number): string {
  const faults = active.length === 0 ? "" : `: ${active.join(", ")}`;
  const broken = violations === 0 ? "" : `  BROKEN PROMISES: ${violations} kinds`;
  return `${Math.floor(seconds)} of ${Math.round(lengthMs / 1_000)} s  ${sent} sent, ${owed} on their way  ${step}${faults}${broken}`;
}
