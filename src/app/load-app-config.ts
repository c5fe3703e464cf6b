import { readFile } from "node:fs/promises";
import path from "node:path";
import { MillraceError } from "../core/errors.ts";
import type { ConfigProblem } from "../config/config-problem.ts";
import { parseConfig } from "../config/load-config.ts";
import { shortPath } from "../config/short-path.ts";
import { loadSchemas, type SchemaRegistry } from "../schemas/registry.ts";
import { type MillraceConfig, millraceConfig } from "./config.ts";
import { sharedDirectories } from "./config-checks.ts";
import { embeddedDefaultFile } from "./embedded-default.ts";

/** Where a configuration is looked for, in this order, when none is named. */
const CONFIG_NAMES = ["millrace.yaml", "millrace.yml", "millrace.json"];

export type LoadedConfig =
  | {
      readonly kind: "ok";
      readonly config: MillraceConfig;
      readonly schemas: SchemaRegistry;
      /** Where it was read from; `undefined` for the embedded default. */
      readonly file: string | undefined;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "problems"; readonly problems: readonly ConfigProblem[]; readonly file: string };

/**
 * Reads, checks and completes the configuration, its schemas and filters, without starting anything.
 * Throws `config_not_found` when the named file is not there.
 */
export async function loadAppConfig(options: {
  file?: string | undefined;
  cwd: string;
  env: NodeJS.ProcessEnv;
}): Promise<LoadedConfig> {
  const { cwd, env } = options;
  const found = options.file === undefined ? await findConfig(cwd) : await readNamed(path.resolve(cwd, options.file));
  const file = found?.file ?? embeddedDefaultFile;
  const text = found?.text ?? (await readFile(embeddedDefaultFile, "utf8"));
  const parsed = parseConfig(text, shortPath(file, cwd), millraceConfig, env);
  if (parsed.kind === "problems") return { kind: "problems", problems: parsed.problems, file };

  // Paths are relative to the configuration file; the embedded default keeps its data where it is started.
  const dataBase = found === undefined ? cwd : path.dirname(file);
  const config = withAbsolutePaths(parsed.config, dataBase, path.dirname(file));
  const problems = sharedDirectories(config).map((problem) => parsed.problemAt(problem.path, problem.message));
  if (problems.length > 0) return { kind: "problems", problems, file };
  try {
    const schemas = await loadSchemas(config.schemas);
    return { kind: "ok", config, schemas, file: found?.file, warnings: parsed.warnings };
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const problem = parsed.problemAt(["schemas", "dir"], error.message);
    return { kind: "problems", problems: [problem], file };
  }
}

async function findConfig(cwd: string): Promise<{ file: string; text: string } | undefined> {
  for (const name of CONFIG_NAMES) {
    const file = path.join(cwd, name);
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw unreadable(file, error);
    });
    if (text !== undefined) return { file, text };
  }
  return undefined;
}

async function readNamed(file: string): Promise<{ file: string; text: string }> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return { file, text };
}

function unreadable(file: string, error: unknown): MillraceError {
  const reason = error instanceof Error ? error.message : String(error);
  return new MillraceError(
    "config_not_found",
    `The configuration ${file} cannot be read: ${reason}. Name another with --config.`,
    {
      cause: error,
    },
  );
}

function withAbsolutePaths(config: MillraceConfig, dataBase: string, schemasBase: string): MillraceConfig {
  const data = (dir: string) => path.resolve(dataBase, dir);
  return {
    ...config,
    journal: { ...config.journal, dir: data(config.journal.dir) },
    quarantine: { ...config.quarantine, dir: data(config.quarantine.dir) },
    deadLetters: { ...config.deadLetters, dir: data(config.deadLetters.dir) },
    schemas: {
      ...config.schemas,
      dir: config.schemas.dir === undefined ? undefined : path.resolve(schemasBase, config.schemas.dir),
    },
    sinks: config.sinks.map((sink) => (sink.type === "file" ? { ...sink, dir: data(sink.dir) } : sink)),
  };
}
