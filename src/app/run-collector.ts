import type { Writable } from "node:stream";
import type { Logger } from "pino";
import { watchConfig } from "../config/watch-config.ts";
import { watchSchemas } from "../schemas/watch-schemas.ts";
import { formatProblem } from "../config/config-problem.ts";
import type { EarlyChild } from "../supervisor/early-child.ts";
import { banner } from "./banner.ts";
import { Collector } from "./collector.ts";
import { changedFixedParts, withFixedParts } from "./fixed-parts.ts";
import { type StopSignal, stopSignal } from "./stop-signals.ts";
import { ledgerReport } from "./ledger-report.ts";
import { type LoadedConfig, loadAppConfig } from "./load-app-config.ts";
import type { Settings, WorkerStart } from "./worker-protocol.ts";

export interface RunOptions {
  readonly loaded: Extract<LoadedConfig, { kind: "ok" }>;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** How workers log. */
  readonly logging: WorkerStart["logging"];
  /** Instead of the number in the configuration. */
  readonly workers?: number;
  /** For the first worker. */
  readonly earlyChild?: EarlyChild;
  /** Where the banner and the ledger are printed; not standard output, which a `stdout` sink may use. */
  readonly output: Writable;
}

/**
 * Runs a collector until SIGTERM or SIGINT, reloading at SIGHUP and when the configuration
 * or a schema changes. Resolves with the exit code: 0 when everything acknowledged was
 * delivered or is safe in the journal, 1 when a second signal cut the drain short or
 * acknowledged events could not be kept.
 */
export async function runCollector(options: RunOptions): Promise<number> {
  const { log, output } = options;
  const startedMs = performance.now();
  let loaded = options.loaded;
  const stop = stopSignal(() => reload("SIGHUP"));
  const opening = Collector.open(settingsOf(loaded), options, log);
  const starting = opening.then((collector) => collector.run());
  let reloading: Promise<unknown> = starting.catch(() => {});
  let stopping = false;
  let schemasWatch: { readonly dir: string; readonly watch: AsyncDisposable } | undefined;
  const followSchemas = async (): Promise<void> => {
    const { dir } = loaded.config.schemas;
    if (dir === schemasWatch?.dir) return;
    await schemasWatch?.watch[Symbol.asyncDispose]();
    schemasWatch = dir === undefined ? undefined : { dir, watch: watchSchemas(dir, () => reload("schemas changed")) };
  };
  const reload = (cause: string): void => {
    if (stopping) return;
    reloading = reloading.then(async () => {
      try {
        const next = await loadAppConfig({ file: loaded.file, cwd: options.cwd, env: options.env });
        if (next.kind === "problems") {
          const problems = next.problems.map(formatProblem);
          log.error({ cause, problems }, "the new configuration is refused; the old one stays in force");
          return;
        }
        const changed = changedFixedParts(options.loaded.config, next.config);
        if (changed.length > 0) log.warn({ changed }, "these parts changed and take effect at the next start only");
        await starting;
        const config = withFixedParts(options.loaded.config, next.config);
        await (await opening).apply({ config, schemas: next.schemaTexts });
        loaded = next;
        await followSchemas();
        log.info(
          { cause, sources: next.config.sources.length, sinks: next.config.sinks.length },
          "configuration reloaded",
        );
      } catch (error) {
        log.error({ err: error, cause }, "the new configuration could not be read; the old one stays in force");
      }
    });
  };
  const collector = await opening;
  // A start can take for ever, when a worker crashes each time; a signal ends it all the same.
  const first = await Promise.race([starting.then(() => "started" as const), stop]);
  if (first !== "started") return stopCollector(collector, first, options);
  output.write(banner(loaded, collector, performance.now() - startedMs));
  await using watchers = new AsyncDisposableStack();
  if (loaded.file !== undefined) watchers.use(watchConfig(loaded.file, () => reload("file changed")));
  await followSchemas();
  watchers.defer(() => schemasWatch?.watch[Symbol.asyncDispose]());

  const signal = await stop;
  stopping = true;
  return stopCollector(collector, signal, options);
}

async function stopCollector(collector: Collector, signal: StopSignal, { log, output }: RunOptions): Promise<number> {
  log.info({ signal: signal.name }, "stopping");
  const drained = collector.drain().then(() => "drained" as const);
  const ended = await Promise.race([drained, signal.second]);
  if (ended !== "drained") collector.killAll();
  output.write(`${ledgerReport(collector.lastLedger)}\n`);
  if (ended === "drained") return collector.lostEvents === 0 ? 0 : 1;
  log.warn("stopped at once by a second signal; the journal holds what was not delivered");
  return 1;
}

function settingsOf({ config, schemaTexts }: RunOptions["loaded"]): Settings {
  return { config, schemas: schemaTexts };
}
