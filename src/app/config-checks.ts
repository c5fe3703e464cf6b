import { z } from "zod";
import { Filter } from "../pipeline/filter.ts";
import type { MillraceConfig } from "./config.ts";

/** A problem with the value at `path`. */
export interface Contradiction {
  readonly path: (string | number)[];
  readonly message: string;
}

const text = z.string().optional().catch(undefined);
const named = { name: text };

/** The parts that are compared with each other, each `undefined` where it is wrong in itself. */
const comparable = z.object({
  journal: z.object({ durability: text }).optional().catch(undefined),
  sources: z.array(z.object({ ...named, keys: z.array(text).catch([]), ack: text }).catch({ keys: [] })).catch([]),
  sinks: z.array(z.object({ ...named, when: text }).catch({})).catch([]),
});

/** What is wrong between parts of a configuration, whose fields may be wrong themselves. */
export function contradictions(config: unknown): Contradiction[] {
  const parsed = comparable.safeParse(config);
  if (!parsed.success) return [];
  const { sources, sinks, journal } = parsed.data;
  return [
    ...repeatedNames("source", sources),
    ...repeatedNames("sink", sinks),
    ...repeatedKeys(sources),
    ...sources.flatMap(({ ack }, index) =>
      ack === "durable" && journal?.durability === "memory"
        ? {
            path: ["sources", index, "ack"],
            message: "a journal in memory cannot acknowledge as durable; set journal.durability to os or disk",
          }
        : [],
    ),
    ...sinks.flatMap(({ when }, index) => {
      const message = when === undefined ? undefined : filterProblem(when);
      return message === undefined ? [] : { path: ["sinks", index, "when"], message };
    }),
  ];
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

function filterProblem(expression: string): string | undefined {
  try {
    new Filter(expression);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What two parts would write to together, each taking the other's files for its own. Call it once paths are absolute. */
export function sharedDirectories(config: MillraceConfig): Contradiction[] {
  const problems: Contradiction[] = [];
  if (config.deadLetters.dir === config.quarantine.dir) {
    problems.push({ path: ["deadLetters", "dir"], message: "is the directory of the quarantine; use another" });
  }
  const sinkOfDirectory = new Map<string, string>();
  for (const [index, sink] of config.sinks.entries()) {
    if (sink.type !== "file") continue;
    const owner = sinkOfDirectory.get(sink.dir);
    if (owner !== undefined) {
      const message = `is the directory of sink ${owner}; give each sink its own`;
      problems.push({ path: ["sinks", index, "dir"], message });
    }
    sinkOfDirectory.set(sink.dir, sink.name);
  }
  return problems;
}
