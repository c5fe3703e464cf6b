import { readFile } from "node:fs/promises";
import path from "node:path";
import { Command, Option } from "commander";
import { parseConfig } from "../config/load-config.ts";
import { shortPath } from "../config/short-path.ts";
import { MillraceError } from "../core/errors.ts";
import { bill } from "../cost/bill.ts";
import { type Input, INPUTS, type InputName } from "../cost/inputs.ts";
import type { LiveWorkload } from "../cost/live-workload.ts";
import { priceFile, withPrices } from "../cost/price-file.ts";
import { PRICES, type PriceList } from "../cost/prices.ts";
import { NOTES, priceNotes } from "../cost/notes.ts";
import { type Workload, workload } from "../cost/workload.ts";
import { type CliContext, printJson, printLine, type Run } from "./cli-context.ts";
import { costText } from "./cost-report.ts";
import { EXIT } from "./exit-codes.ts";
import { measureLive } from "./measure-live.ts";
import { numberFrom, wholeFrom } from "./number-argument.ts";
import { jsonOption } from "./options.ts";
import { painter } from "./paint.ts";
import { reportProblems, reportWarnings } from "./report-problems.ts";

interface CostOptions {
  readonly prices?: string;
  readonly live?: string | true;
  readonly seconds: number;
  readonly explain?: true;
  readonly json?: true;
}

const DEFAULT_ADMIN_URL = "http://127.0.0.1:9090";

export function costCommand(context: CliContext, run: Run): Command {
  const command = new Command("cost").description(
    "work out the monthly bill for a rate of events, of API Gateway and of Millrace",
  );
  for (const input of Object.values<Input>(INPUTS)) command.addOption(optionOf(input));
  return command
    .option("--prices <file>", "prices in place of those that ship with Millrace, as YAML or JSON")
    .option("--live [url]", `measure a running collector, by its admin port (default: ${DEFAULT_ADMIN_URL})`)
    .option("--seconds <n>", "how long to measure", numberFrom(0.1, 3_600), 10)
    .option("--explain", "show how each figure is computed")
    .addOption(jsonOption("print JSON: the load, every charge with its price, and the notes"))
    .addHelpText(
      "after",
      `
The prices are those of one region and one day; each has its source in --json. With --live the
rate, sizes and CPU are taken from the collector's own counters, and what they cannot tell is
said; figures that are given stay as given, so the load can be scaled to another rate.

Examples:
  millrace cost --events-per-hour 5e6
  millrace cost --events-per-hour 12e6 --events-per-request 20 --explain
  millrace cost --live --seconds 60
  millrace cost --live http://10.0.0.7:9090 --events-per-hour 12e6
  millrace cost --prices frankfurt.yaml --json`,
    )
    .action((options: CostOptions) => run(() => cost(options, givenIn(options), context)));
}

async function cost(options: CostOptions, given: Partial<Workload>, context: CliContext): Promise<number> {
  const prices = await pricesFor(options, context);
  if (prices === undefined) return EXIT.configInvalid;
  const url = options.live === true ? DEFAULT_ADMIN_URL : options.live;
  const live = url === undefined ? undefined : await measureLive(url, options.seconds, given, context);
  print(options, workload({ ...live?.measured, ...given }), prices, live, context);
  return EXIT.ok;
}

function print(
  options: CostOptions,
  load: Workload,
  prices: PriceList,
  live: LiveWorkload | undefined,
  { stdout, env }: CliContext,
): void {
  const result = bill(load, prices);
  if (options.json) {
    printJson(stdout, { load, live: live ?? null, ...result, notes: [...priceNotes(prices), ...NOTES], prices });
    return;
  }
  const explain = options.explain === true;
  printLine(stdout, costText({ load, bill: result, prices, live, explain, paint: painter(stdout, env) }));
}

function optionOf({ flag, meaning, usual, least, most, whole }: Input): Option {
  const standard = usual === undefined ? "" : ` (default: ${usual})`;
  const option = new Option(`--${flag} <n>`, `${meaning}${standard}`);
  return option.argParser(whole === true ? wholeFrom(least, most) : numberFrom(least, most));
}

/** The figures on the command line. Defaults are not among them, so that what was measured comes before a default. */
function givenIn(options: CostOptions): Partial<Workload> {
  const given: Partial<Record<InputName, number>> = {};
  for (const [name, { flag }] of Object.entries<Input>(INPUTS)) {
    const value: unknown = Reflect.get(options, new Option(`--${flag} <n>`).attributeName());
    if (typeof value === "number") Reflect.set(given, name, value);
  }
  return given;
}

async function pricesFor(options: CostOptions, context: CliContext): Promise<PriceList | undefined> {
  if (options.prices === undefined) return PRICES;
  const file = path.resolve(context.cwd, options.prices);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MillraceError("config_not_found", `The prices ${file} cannot be read: ${reason}`, { cause: error });
  });
  const parsed = parseConfig(text, shortPath(file, context.cwd), priceFile, context.env);
  if (parsed.kind === "problems") {
    reportProblems({ file, problems: parsed.problems }, context, options.json);
    return undefined;
  }
  reportWarnings(parsed.warnings, context);
  return withPrices(parsed.config);
}
