import { Command } from "commander";
import type { MillraceConfig } from "../app/config.ts";
import type { LoadedConfig } from "../app/load-app-config.ts";
import { formatBytes } from "../core/config-fields.ts";
import { type CliContext, type Run, printJson, printLine } from "./cli-context.ts";
import { EXIT } from "./exit-codes.ts";
import { type LossBudget, lossBudget } from "./loss-budget.ts";
import { configOption, jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { reportProblems, reportWarnings } from "./report-problems.ts";
import { shortPath } from "../config/short-path.ts";
import { table } from "./table.ts";

export function checkCommand(context: CliContext, run: Run): Command {
  return new Command("check")
    .description("check the configuration, its schemas and filters, and say what it would run and could lose")
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Nothing is started, written or connected to. All problems are listed at once, each with its
place in the file; the exit code is then 3.

Examples:
  millrace check
  millrace check --config deploy/millrace.yaml --json`,
    )
    .action((options: { config?: string; json?: true }) =>
      run(async () => {
        const { loadAppConfig } = await import("../app/load-app-config.ts");
        const loaded = await loadAppConfig({ file: options.config, cwd: context.cwd, env: context.env });
        if (options.json) printJson(context.stdout, asJson(loaded));
        else print(loaded, context);
        return loaded.kind === "ok" ? EXIT.ok : EXIT.configInvalid;
      }),
    );
}

function asJson(loaded: LoadedConfig): unknown {
  if (loaded.kind === "problems") return { valid: false, file: loaded.file, problems: loaded.problems };
  const { config, file, warnings } = loaded;
  return {
    valid: true,
    file: file ?? null,
    warnings,
    listen: config.listen,
    admin: config.admin,
    schemas: config.schemas,
    journal: config.journal,
    // Without write keys and secrets: what a check prints ends up in logs.
    sources: config.sources.map(({ keys, ...source }) => ({ ...source, keys: keys.length, hashSecret: undefined })),
    sinks: config.sinks.map(({ name, type, required, when }) => ({ name, type, required, when })),
    lossBudget: lossBudget(config),
  };
}

function print(loaded: LoadedConfig, context: CliContext): void {
  if (loaded.kind === "problems") {
    reportProblems(loaded, context);
    return;
  }
  const { stdout, env } = context;
  const paint = painter(stdout, env);
  const name =
    loaded.file === undefined
      ? "The built-in configuration (there is no millrace.yaml here)"
      : shortPath(loaded.file, context.cwd);
  reportWarnings(loaded.warnings, context);
  printLine(stdout, paint("green", `${name} is valid.`));
  printLine(stdout, `\n${paint("bold", "What it runs")}\n`);
  printLine(stdout, table(summary(loaded.config, context.cwd)));
  printLine(stdout, `\n${paint("bold", "What an acknowledgement is worth")}\n`);
  printLine(stdout, worthOf(lossBudget(loaded.config)));
}

function summary(config: MillraceConfig, cwd: string): string[][] {
  const { listen, admin, journal, schemas } = config;
  const rows = [
    ["events", `${listen.tls === undefined ? "http" : "https"}://${listen.host}:${listen.port}/v1/events`],
    ["admin", `http://${admin.host}:${admin.port}`],
    ["schemas", schemas.dir === undefined ? "none" : shortPath(schemas.dir, cwd)],
    [
      "journal",
      `${journal.durability === "memory" ? "in memory" : shortPath(journal.dir, cwd)}, at most ${formatBytes(journal.maxBytes)}, durability ${journal.durability}`,
    ],
  ];
  for (const source of config.sources) {
    const keys = source.keys.length === 1 ? "1 key" : `${source.keys.length} keys`;
    const unknown = source.validation === "off" ? "" : `, unknown types ${source.unknownTypes}ed`;
    rows.push([
      `source ${source.name}`,
      [`${keys}, validation ${source.validation}${unknown}, ack ${source.ack}`, ...rulesOf(source)].join(", "),
    ]);
  }
  for (const sink of config.sinks) {
    const filter = sink.when === undefined ? "" : `, when ${sink.when}`;
    rows.push([`sink ${sink.name}`, `${sink.type}, ${sink.required ? "required" : "not required"}${filter}`]);
  }
  return rows;
}

/** By what rules of a source its valid events are not stored, or not wholly. */
function rulesOf({ bots, sample, dedupe, redact }: MillraceConfig["sources"][number]): string[] {
  const rules: string[] = [];
  if (redact.length > 0) rules.push(redact.length === 1 ? "1 field redacted" : `${redact.length} fields redacted`);
  if (bots === "drop") rules.push("bots dropped");
  if (sample !== undefined) rules.push(`sampled at ${sample.rate} by ${sample.by}`);
  if (dedupe !== undefined) rules.push("repeats dropped");
  return rules;
}

function worthOf(budget: LossBudget): string {
  const acks = budget.acks.map((ack) => {
    const sources = ack.defaultOf.length === 0 ? "" : `  (default of ${ack.defaultOf.join(", ")})`;
    return `  ack=${ack.level}${sources}\n${table(
      [
        ["means", ack.means],
        ["lost if", ack.lostIf],
      ],
      "    ",
    )}`;
  });
  return [...acks, budget.notes.map((note) => `  ${note}`).join("\n")].join("\n\n");
}
