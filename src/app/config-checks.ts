import { stat } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname } from "node:path";
import { z } from "zod";
import { EventCondition } from "../expressions/event-condition.ts";
import { findRoute } from "../ingest/router.ts";
import type { MillraceConfig } from "./config.ts";

/** A problem with the value at `path`. */
export interface Contradiction {
  readonly path: (string | number)[];
  readonly message: string;
}

const text = z.string().optional().catch(undefined);
const named = { name: text };
const address = z
  .object({ host: text, port: z.int().optional().catch(undefined) })
  .optional()
  .catch(undefined);

/** The parts that are compared with each other, each `undefined` where it is wrong in itself. */
const comparable = z.object({
  listen: address,
  admin: address,
  journal: z.object({ durability: text }).optional().catch(undefined),
  sources: z
    .array(
      z
        .object({
          ...named,
          keys: z.array(text).catch([]),
          ack: text,
          paths: z.record(z.string(), z.string()).catch({}),
        })
        .catch({ keys: [], paths: {} }),
    )
    .catch([]),
  sinks: z
    .array(
      z
        .object({
          ...named,
          when: text,
          rules: z.array(z.object({ when: text }).catch({})).catch([]),
          collector: z.array(z.object({ sinks: z.array(text).catch([]) }).catch({ sinks: [] })).catch([]),
        })
        .catch({ rules: [], collector: [] }),
    )
    .catch([]),
});

/** What is wrong between parts of a configuration, whose fields may be wrong themselves. */
export function contradictions(config: unknown): Contradiction[] {
  const parsed = comparable.safeParse(config);
  if (!parsed.success) return [];
  const { sources, sinks, journal, listen, admin } = parsed.data;
  return [
    ...sharedPort(listen, admin),
    ...repeatedNames("source", sources),
    ...repeatedNames("sink", sinks),
    ...repeatedKeys(sources),
    ...takenPaths(sources),
    ...sources.flatMap(({ ack }, index) =>
      ack === "durable" && journal?.durability === "memory"
        ? {
            path: ["sources", index, "ack"],
            message: "a journal in memory cannot acknowledge as durable; set journal.durability to os or disk",
          }
        : [],
    ),
    ...sinks.flatMap(({ when, rules }, index) => [
      ...filterProblem(when, ["sinks", index, "when"]),
      ...rules.flatMap((rule, at) => filterProblem(rule.when, ["sinks", index, "rules", at, "when"])),
    ]),
    ...sinks.flatMap(({ collector }, index) =>
      collector.flatMap((rule, at) => unknownSinks(rule.sinks, sinks, ["sinks", index, "collector", at, "sinks"])),
    ),
  ];
}

/** Names of sinks to watch that are those of no sink. */
function unknownSinks(
  watched: readonly (string | undefined)[],
  sinks: readonly { name?: string | undefined }[],
  path: Contradiction["path"],
): Contradiction[] {
  const unknown = watched.find((name) => name !== undefined && !sinks.some((sink) => sink.name === name));
  return unknown === undefined ? [] : [{ path, message: `there is no sink ${unknown}` }];
}

/** Paths of a source's own that are another's already, or that something else is served at. */
function takenPaths(sources: readonly { readonly paths: Readonly<Record<string, string>> }[]): Contradiction[] {
  const seen = new Set<string>();
  return sources.flatMap(({ paths }, index) =>
    Object.keys(paths).flatMap((path) => {
      const isServed = findRoute(path).name !== "unknown";
      const isTaken = isServed || seen.has(path);
      seen.add(path);
      if (!isTaken) return [];
      const message = isServed
        ? "is a path of the collector; choose another"
        : "is a path of another source; choose another";
      return [{ path: ["sources", index, "paths", path], message }];
    }),
  );
}

type Address = z.infer<typeof address>;

function sharedPort(listen: Address, admin: Address): Contradiction[] {
  if (listen?.port === undefined || listen.port === 0 || listen.port !== admin?.port) return [];
  if (listen.host === undefined || admin.host === undefined || !overlap(listen.host, admin.host)) return [];
  const message = `listen takes events in on port ${listen.port} of ${listen.host} already; give the admin port another`;
  return [{ path: ["admin", "port"], message }];
}

/** Whether one port cannot be had at both addresses. */
function overlap(a: string, b: string): boolean {
  const [one, other] = [a, b].map((host) => (host === "localhost" ? "127.0.0.1" : host));
  if (one === other || one === "::" || other === "::") return true;
  return (one === "0.0.0.0" && isIP(other ?? "") !== 6) || (other === "0.0.0.0" && isIP(one ?? "") !== 6);
}

function repeatedNames(kind: "source" | "sink", parts: readonly { name?: string | undefined }[]): Contradiction[] {
  const seen = new Set<string>();
  return parts.flatMap(({ name }, index) => {
    if (name === undefined) return [];
    const message = `another ${kind} is called ${name} too; names are unique`;
    const repeated = seen.has(name);
    seen.add(name);
    return repeated ? { path: [`${kind}s`, index, "name"], message } : [];
  });
}

function repeatedKeys(sources: readonly { name?: string | undefined; keys: readonly (string | undefined)[] }[]) {
  const owners = new Map<string, number>();
  const problems: Contradiction[] = [];
  for (const [index, { keys }] of sources.entries()) {
    for (const [at, key] of keys.entries()) {
      if (key === undefined) continue;
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, index);
      else {
        const message = `source ${sources[owner]?.name ?? owner} has this key already; a key belongs to one source`;
        problems.push({ path: ["sources", index, "keys", at], message });
      }
    }
  }
  return problems;
}

function filterProblem(expression: string | undefined, path: Contradiction["path"]): Contradiction[] {
  if (expression === undefined) return [];
  try {
    new EventCondition(expression);
    return [];
  } catch (error) {
    return [{ path, message: error instanceof Error ? error.message : String(error) }];
  }
}

/** What two parts would write to together, each taking the other's files for its own. Call it once paths are absolute. */
export function sharedDirectories(config: MillraceConfig): Contradiction[] {
  const problems: Contradiction[] = [];
  const { journal, quarantine, deadLetters } = config;
  if (quarantine.dir === journal.dir)
    problems.push({ path: ["quarantine", "dir"], message: "is the directory of the journal; use another" });
  if (deadLetters.dir === journal.dir)
    problems.push({ path: ["deadLetters", "dir"], message: "is the directory of the journal; use another" });
  else if (deadLetters.dir === quarantine.dir)
    problems.push({ path: ["deadLetters", "dir"], message: "is the directory of the quarantine; use another" });
  const parts = new Map([
    [journal.dir, "the journal"],
    [quarantine.dir, "the quarantine"],
    [deadLetters.dir, "the dead letters"],
  ]);
  const sinkOfDirectory = new Map<string, string>();
  for (const [index, sink] of config.sinks.entries()) {
    if (sink.type !== "file") continue;
    const part = parts.get(sink.dir);
    if (part !== undefined)
      problems.push({ path: ["sinks", index, "dir"], message: `is the directory of ${part}; use another` });
    const owner = sinkOfDirectory.get(sink.dir);
    if (owner !== undefined) {
      const message = `is the directory of sink ${owner}; give each sink its own`;
      problems.push({ path: ["sinks", index, "dir"], message });
    }
    sinkOfDirectory.set(sink.dir, sink.name);
  }
  const taken = new Map([...[...sinkOfDirectory].map(([dir, name]) => [dir, `sink ${name}`] as const), ...parts]);
  for (const [index, { oversize }] of config.sinks.entries()) {
    const owner = taken.get(oversize.dir ?? "");
    if (owner === undefined) continue;
    const message = `is the directory of ${owner}; use another (claim checks may share one)`;
    problems.push({ path: ["sinks", index, "oversize", "dir"], message });
  }
  return problems;
}

/** Directories of the configuration that are, or are to be made below, something else, such as a file. Call it once paths are absolute. */
export async function noDirectories(config: MillraceConfig): Promise<Contradiction[]> {
  const problems: Contradiction[] = [];
  const check = async (path: Contradiction["path"], dir: string): Promise<void> => {
    const blocker = await notADirectory(dir);
    if (blocker === undefined) return;
    const what = blocker === dir ? "is" : `lies below ${blocker}, which is`;
    problems.push({ path, message: `${dir} ${what} a file and no directory; name another, or move the file away` });
  };
  await check(["journal", "dir"], config.journal.dir);
  await check(["quarantine", "dir"], config.quarantine.dir);
  await check(["deadLetters", "dir"], config.deadLetters.dir);
  for (const [index, sink] of config.sinks.entries()) {
    if (sink.type === "file") await check(["sinks", index, "dir"], sink.dir);
    const { dir } = sink.oversize;
    if (dir !== undefined) await check(["sinks", index, "oversize", "dir"], dir);
  }
  return problems;
}

/** The nearest of a path and those above it that is there, if it is no directory. */
async function notADirectory(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isDirectory() ? undefined : path;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const parent = dirname(path);
    // What may not be looked at is for the start to tell: another user may check than the one who runs it.
    if ((code !== "ENOENT" && code !== "ENOTDIR") || parent === path) return undefined;
    return notADirectory(parent);
  }
}
