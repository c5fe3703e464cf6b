import { readFile } from "node:fs/promises";
import path from "node:path";
import { MillraceError } from "../core/errors.ts";
import type { ConfigProblem } from "../config/config-problem.ts";
import { parseConfig } from "../config/load-config.ts";
import { shortPath } from "../config/short-path.ts";
import { readGeoFile } from "../ingest/enrichment/geo-database.ts";
import { loadCertificate } from "../ingest/tls/certificate.ts";
import { compileSchemas, readSchemas, type SchemaRegistry, type SchemaTexts } from "../schemas/registry.ts";
import { type MillraceConfig, millraceConfig } from "./config.ts";
import { noDirectories, sharedDirectories } from "./config-checks.ts";
import { embeddedDefaultFile } from "./embedded-default.ts";
import type { SinkConfig } from "./sink-config.ts";

/** Where a configuration is looked for, in this order, when none is named. */
const CONFIG_NAMES = ["millrace.yaml", "millrace.yml", "millrace.json"];

export type LoadedConfig =
  | {
      readonly kind: "ok";
      readonly config: MillraceConfig;
      readonly schemas: SchemaRegistry;
      /** What `schemas` was compiled from. */
      readonly schemaTexts: SchemaTexts;
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
  const problems = [...sharedDirectories(config), ...(await noDirectories(config))].map((problem) =>
    parsed.problemAt(problem.path, problem.message),
  );
  const { tls } = config.listen;
  const certificate = tls === undefined ? undefined : await orProblem(loadCertificate(tls));
  if (certificate instanceof MillraceError) problems.push(parsed.problemAt(["listen", "tls"], certificate.message));
  for (const [index, { geo }] of config.sources.entries()) {
    const database = geo && (await orProblem(readGeoFile(geo.file)));
    if (database instanceof MillraceError)
      problems.push(parsed.problemAt(["sources", index, "geo", "file"], database.message));
  }
  const loaded = await orProblem(loadSchemas(config));
  if (loaded instanceof MillraceError) problems.push(parsed.problemAt(["schemas", "dir"], loaded.message));
  else if (problems.length === 0)
    return { kind: "ok", config, ...loaded, file: found?.file, warnings: parsed.warnings };
  return { kind: "problems", problems, file };
}

/** What the work results in, or what a person has to mend first. */
async function orProblem<Result>(work: Promise<Result>): Promise<Result | MillraceError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
}

async function loadSchemas(config: MillraceConfig) {
  const schemaTexts = await readSchemas(config.schemas);
  return { schemaTexts, schemas: await compileSchemas(config.schemas, schemaTexts) };
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

function withAbsolutePaths(config: MillraceConfig, dataBase: string, configBase: string): MillraceConfig {
  const data = (dir: string) => path.resolve(dataBase, dir);
  return {
    ...config,
    listen: withAbsoluteCertificate(config.listen, (file) => path.resolve(configBase, file)),
    journal: { ...config.journal, dir: data(config.journal.dir) },
    quarantine: { ...config.quarantine, dir: data(config.quarantine.dir) },
    deadLetters: { ...config.deadLetters, dir: data(config.deadLetters.dir) },
    schemas: {
      ...config.schemas,
      dir: config.schemas.dir === undefined ? undefined : path.resolve(configBase, config.schemas.dir),
    },
    shutdown: withAbsoluteLifeboat(config.shutdown, data),
    sources: config.sources.map((source) =>
      source.geo === undefined ? source : { ...source, geo: { file: path.resolve(configBase, source.geo.file) } },
    ),
    sinks: config.sinks.map((sink) =>
      withAbsoluteClaims(sink.type === "file" ? { ...sink, dir: data(sink.dir) } : sink, data),
    ),
  };
}

function withAbsoluteClaims(sink: SinkConfig, data: (dir: string) => string): SinkConfig {
  const { dir } = sink.oversize;
  return dir === undefined ? sink : { ...sink, oversize: { ...sink.oversize, dir: data(dir) } };
}

function withAbsoluteCertificate(listen: MillraceConfig["listen"], near: (file: string) => string) {
  const { tls } = listen;
  if (tls === undefined) return listen;
  return { ...listen, tls: { ...tls, cert: near(tls.cert), key: near(tls.key) } };
}

function withAbsoluteLifeboat(shutdown: MillraceConfig["shutdown"], data: (dir: string) => string) {
  const { lifeboat } = shutdown;
  if (lifeboat?.dir === undefined) return shutdown;
  return { ...shutdown, lifeboat: { ...lifeboat, dir: data(lifeboat.dir) } };
}
