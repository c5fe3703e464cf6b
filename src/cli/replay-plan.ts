import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { MillraceConfig } from "../app/config.ts";
import type { SinkConfig } from "../app/sink-config.ts";
import { MillraceError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { type EditRule, parseEditRules } from "../replay/edit-rules.ts";
import { readTime, type TimeRange } from "../replay/time-range.ts";
import type { LogLevel } from "../telemetry/log.ts";
import { type ArchiveOptions, archivePlace } from "./archive-place.ts";
import type { CliContext } from "./cli-context.ts";

export interface ReplayOptions extends ArchiveOptions {
  readonly from?: "journal" | "archive" | "dead-letters" | "quarantine";
  readonly to?: string;
  readonly since?: string;
  readonly until?: string;
  readonly type: readonly string[];
  readonly filter?: string;
  readonly code: readonly string[];
  readonly edit?: string;
  readonly rate?: number;
  readonly dryRun?: true;
  readonly again?: true;
  readonly refusedBy?: string;
  readonly run?: string;
  readonly resume?: string;
  readonly url?: string;
  readonly stateDir?: string;
  readonly config?: string;
  readonly logLevel?: LogLevel;
  readonly json?: true;
}

const folder = z.object({ kind: z.literal("folder"), dir: z.string(), sink: z.string().optional() });
const bucket = z.object({
  kind: z.literal("s3"),
  bucket: z.string(),
  prefix: z.string(),
  region: z.string(),
  endpoint: z.string().optional(),
  sink: z.string().optional(),
});

/** What is replayed, complete: what a run is begun with, and goes on with. */
const plan = z.object({
  from: z.enum(["journal", "archive", "dead-letters", "quarantine"]),
  to: z.string().optional(),
  /** Of dead letters: only those of this sink. */
  refusedBy: z.string().optional(),
  archive: z.discriminatedUnion("kind", [folder, bucket]).optional(),
  /** Unix milliseconds; absent: from the beginning. */
  sinceMs: z.number().optional(),
  untilMs: z.number(),
  types: z.array(z.string()),
  filter: z.string().optional(),
  codes: z.array(z.string()),
  edit: z.string().optional(),
  again: z.boolean(),
  /** Of the journal, by slot: what lies from there on the collector will deliver itself. */
  owedFrom: z.record(z.string(), z.number()).default({}),
});

export type ReplayPlan = z.infer<typeof plan>;

const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** What may go with --resume: the rest is as the run was begun. */
const WITH_RESUME = new Set(["resume", "rate", "stateDir", "config", "logLevel", "json"]);

export function parsePlan(text: string): ReplayPlan {
  return plan.parse(JSON.parse(text));
}

/** Throws `usage` for what makes no sense. */
export function planOf(options: ReplayOptions, config: MillraceConfig, context: CliContext, nowMs: number): ReplayPlan {
  const { from, to, type: types, filter, code: codes, edit, again = false, refusedBy } = options;
  if (from === undefined)
    throw new MillraceError("usage", "say where the events are: --from journal, archive, dead-letters or quarantine");
  if (from === "quarantine" && to !== undefined)
    throw new MillraceError("usage", "quarantined events go in at the event port, not to a sink: leave out --to");
  if (from !== "quarantine" && options.url !== undefined)
    throw new MillraceError("usage", "--url is for --from quarantine: others go to a sink");
  if ((from === "journal" || from === "archive") && to === undefined)
    throw new MillraceError("usage", `say which sink gets the events: --to ${sinkNames(config)}`);
  if ((from === "journal" || from === "archive") && (codes.length > 0 || again))
    throw new MillraceError("usage", "--code and --again are for dead letters and the quarantine");
  if (from !== "dead-letters" && refusedBy !== undefined)
    throw new MillraceError("usage", "--refused-by is for --from dead-letters");
  const archive = from === "archive" ? archivePlace(options, config, context) : undefined;
  if (archive === undefined && (options.archive ?? options.dir ?? options.bucket) !== undefined)
    throw new MillraceError("usage", "--archive, --dir and --bucket are for --from archive");
  if (to !== undefined) sinkNamed(config, to);
  if (archive?.sink !== undefined && archive.sink === to)
    throw new MillraceError("usage", `the archive is that of ${to}: its events are there already`);
  const sinceMs = timeOf("--since", options.since, nowMs);
  const untilMs = timeOf("--until", options.until, nowMs) ?? nowMs;
  if (sinceMs !== undefined && sinceMs >= untilMs)
    throw new MillraceError("usage", "--since must be before --until, which is now unless it is given");
  return {
    from,
    ...(to !== undefined && { to }),
    ...(refusedBy !== undefined && { refusedBy }),
    ...(archive !== undefined && { archive }),
    ...(sinceMs !== undefined && { sinceMs }),
    untilMs,
    types: [...types],
    ...(filter !== undefined && { filter }),
    codes: [...codes],
    ...(edit !== undefined && { edit: path.resolve(context.cwd, edit) }),
    again,
    owedFrom: {},
  };
}

/** Throws `usage` when something is given with --resume that would change the run. */
export function assertOnlyResumes(options: ReplayOptions): void {
  const others = Object.entries(options).filter(
    ([name, value]) => !WITH_RESUME.has(name) && !(Array.isArray(value) && value.length === 0),
  );
  if (others.length === 0) return;
  const names = others.map(([name]) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  throw new MillraceError("usage", `a run goes on as it was begun: leave out ${names.join(", ")} beside --resume`);
}

export function rangeOf({ sinceMs, untilMs }: ReplayPlan): TimeRange {
  return { sinceMs: sinceMs ?? Number.NEGATIVE_INFINITY, untilMs };
}

/** Throws `edit_invalid`, and `filter_invalid` for a `when` of a rule. */
export async function editRulesOf({ edit }: ReplayPlan): Promise<readonly EditRule[]> {
  if (edit === undefined) return [];
  const text = await readFile(edit, "utf8").catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new MillraceError("edit_invalid", `the edit rules cannot be read: ${why}`, { cause: error });
  });
  return parseEditRules(text, edit);
}

/** The name that was given, or one of the time. Throws `usage` for one that cannot be a folder's. */
export function runName(given: string | undefined, nowMs: number): string {
  if (given === undefined) {
    const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+Z/g, "");
    return `${time}-${randomBytes(2).toString("hex")}`;
  }
  if (RUN_NAME.test(given)) return given;
  throw new MillraceError("usage", "the name of a run has 1 to 63 letters, digits, dots, - and _");
}

/** Throws `usage` when it is none that can be replayed to. */
export function sinkNamed(config: MillraceConfig, name: string): SinkConfig {
  const sink = config.sinks.find((one) => one.name === name);
  if (sink === undefined) {
    const near = nearestName(
      name,
      config.sinks.map((one) => one.name),
    );
    const hint = near === undefined ? `There is: ${sinkNames(config)}` : `Did you mean ${near}?`;
    throw new MillraceError("usage", `there is no sink ${name} in the configuration. ${hint}`);
  }
  if (sink.type === "memory")
    throw new MillraceError("usage", `${name} is a sink in memory, which ends with this process: name another`);
  if (sink.type === "notify")
    throw new MillraceError(
      "usage",
      `${name} watches events in a collector: millrace notify try shows past ones to it`,
    );
  return sink;
}

function sinkNames({ sinks }: MillraceConfig): string {
  return sinks.map(({ name }) => name).join(", ");
}

export function timeOf(option: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = readTime(text, nowMs);
  if (ms !== undefined) return ms;
  throw new MillraceError(
    "usage",
    `${option} ${text} is no time: write 2026-11-23, 2026-11-23T07:00:00Z, or 90m, 2h, 7d for so long ago`,
  );
}
