import { configuredArchives } from "../app/archives.ts";
import type { MillraceConfig } from "../app/config.ts";
import { loadAppConfig } from "../app/load-app-config.ts";
import { searchFinders } from "../app/search-finders.ts";
import { fileFinder } from "../find/file-finder.ts";
import type { Finder, FindProgress, Finding } from "../find/finder.ts";
import { journalFinder } from "../find/journal-finder.ts";
import { rejectFinder } from "../find/reject-finder.ts";
import { isWithin } from "../find/search-finder.ts";
import type { TimeRange } from "../replay/time-range.ts";
import { type ArchiveOptions, archiveFiles, namedArchive, placeName } from "./archive-place.ts";
import { clearLine, showLine } from "./changing-line.ts";
import { type CliContext, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { painter } from "./paint.ts";
import { timeOf } from "./replay-plan.ts";
import { printable } from "./replay-report.ts";
import { reportProblems } from "./report-problems.ts";
import { roughBytes } from "./rough-bytes.ts";

/** The longest wait for a search engine. */
const SEARCH_TIMEOUT_MS = 60_000;

const ON_A_TERMINAL_MS = 250;
const ELSEWHERE_MS = 5_000;

export interface FindOptions extends ArchiveOptions {
  readonly since?: string;
  readonly until?: string;
  readonly in?: readonly string[];
  readonly all?: true;
  readonly config?: string;
  readonly json?: true;
}

/** `millrace find`. Resolves with the exit code. */
export async function find(id: string, options: FindOptions, context: CliContext): Promise<number> {
  const loaded = await loadAppConfig({ file: options.config, cwd: context.cwd, env: context.env });
  if (loaded.kind === "problems") {
    reportProblems(loaded, context, options.json);
    return EXIT.configInvalid;
  }
  const nowMs = Date.now();
  const range = {
    sinceMs: timeOf("--since", options.since, nowMs) ?? Number.NEGATIVE_INFINITY,
    untilMs: timeOf("--until", options.until, nowMs) ?? Number.POSITIVE_INFINITY,
  };
  const findings: Finding[] = [];
  const problems: string[] = [];
  const progress = progressOn(context);
  const lookedThrough: string[] = [];
  for (const finder of findersOf(options, loaded.config, range, context)) {
    try {
      for await (const finding of finder.find(id, progress.show)) {
        if (!isWithin(finding.received, range)) continue;
        findings.push(finding);
        progress.end();
        if (!options.json) printFinding(finding, context);
        if (!options.all) break;
      }
      lookedThrough.push(finder.name);
    } catch (error) {
      problems.push(`${finder.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  progress.end();
  if (options.json) printJson(context.stdout, { id, found: findings, problems });
  else {
    for (const problem of problems) printLine(context.stderr, `Could not be looked at: ${problem}`);
    if (findings.length === 0) {
      const places = lookedThrough.join(", ") || "nothing, since the configuration has no such place";
      printLine(context.stderr, `There is no event ${printable(id)}. Looked through: ${places}.`);
    }
  }
  if (findings.length > 0) return EXIT.ok;
  return problems.length > 0 ? EXIT.failed : EXIT.notFound;
}

/** What is looked through, the quick ones first. */
function findersOf(options: FindOptions, config: MillraceConfig, range: TimeRange, context: CliContext): Finder[] {
  const named = namedArchive(options, config, context);
  const archives = (named === undefined ? configuredArchives(config) : [named]).map((place) =>
    fileFinder({ name: placeName(place), sink: place.sink, files: () => archiveFiles(place, range) }),
  );
  const places: readonly (readonly [string, readonly Finder[]])[] = [
    ["journal", [journalFinder(config.journal, range)]],
    ["search", searchFinders(config, AbortSignal.timeout(SEARCH_TIMEOUT_MS))],
    ["archive", archives],
    ["dead-letters", [rejectFinder(config.deadLetters.dir, "dead-letters", range)]],
    ["quarantine", [rejectFinder(config.quarantine.dir, "quarantine", range)]],
  ];
  const wanted = options.in ?? (named === undefined ? undefined : ["archive"]);
  return places.filter(([place]) => wanted?.includes(place) ?? true).flatMap(([, finders]) => finders);
}

function printFinding({ in: place, sink, at, received, code, event }: Finding, { stdout, env }: CliContext): void {
  const paint = painter(stdout, env);
  const whose = sink === undefined ? "" : ` of ${sink}`;
  const when = received === undefined ? "" : `, received ${received}`;
  const why = code === undefined ? "" : `, ${code}`;
  printLine(stdout, `${paint("bold", `${place}${whose}`)}: ${at}${printable(when)}${printable(why)}`);
  printLine(stdout, `  ${printable(event)}`);
}

/** One line that changes on a terminal, and elsewhere a line every few seconds. */
function progressOn({ stderr }: CliContext) {
  const isTerminal = stderr.isTTY === true;
  const everyMs = isTerminal ? ON_A_TERMINAL_MS : ELSEWHERE_MS;
  let nextMs = performance.now() + everyMs;
  let isShown = false;
  return {
    show: ({ name, bytesRead, bytes }: FindProgress): void => {
      if (performance.now() < nextMs) return;
      nextMs = performance.now() + everyMs;
      const words = `${roughBytes(bytesRead)} of ${roughBytes(bytes)} read; at ${name}`;
      if (isTerminal) showLine(stderr, words);
      else printLine(stderr, words);
      isShown = isTerminal;
    },
    end(): void {
      if (isShown) clearLine(stderr);
      isShown = false;
    },
  };
}
