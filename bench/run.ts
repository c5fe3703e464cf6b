// npm run bench: what an event costs, beside floors measured in the same run, and how far the
// goals are. docs/benchmarks.md says how to read it.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { compare, LEAST_ROUNDS, renderComparison } from "./baseline.ts";
import type { Finding } from "./finding.ts";
import { build } from "./kit/build.ts";
import { CONNECTIONS } from "./measure.ts";
import type { Measurement } from "./measurement.ts";
import { numberOption } from "./number-option.ts";
import { profile } from "./profile/profile.ts";
import { findingTable, measurementTable, renderReport, type Report } from "./report.ts";
import type { ScenarioContext } from "./scenario.ts";
import { ALL_SCENARIOS } from "./scenarios/all-scenarios.ts";

const HELP = `npm run bench -- [options]
  --only a,b       these scenarios: ${ALL_SCENARIOS.map(({ name }) => name).join(", ")}
  --rounds N       of each (3)
  --seconds S      of each round (5)
  --requests N     at most, in a round
  --main FILE      another build of the collector to measure, instead of this one
  --json           print JSON
  --baseline       write bench/baseline.json
  --check          compare with bench/baseline.json: exit code 1 when something is worse
  --profile        where a microsecond goes, instead of how many there are: of single, batch and ndjson`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    requests: { type: "string" },
    main: { type: "string" },
    json: { type: "boolean", default: false },
    baseline: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
if (process.platform !== "linux") throw new Error("the benchmark reads CPU time from /proc and needs Linux");

const BASELINE = path.join(import.meta.dirname, "baseline.json");
const only = values.only?.split(",").map((name) => name.trim());
const unknown = only?.filter((name) => !ALL_SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(", ")}\n${HELP}`);
const scenarios = ALL_SCENARIOS.filter(({ name }) => only?.includes(name) ?? true);

const rounds = numberOption("rounds", values.rounds, { whole: true });
const seconds = numberOption("seconds", values.seconds);
if (values.check && rounds < LEAST_ROUNDS)
  throw new Error(`--check needs --rounds ${LEAST_ROUNDS} or more, to tell noise from slower code`);
const requests = values.requests === undefined ? undefined : numberOption("requests", values.requests, { whole: true });
const main = values.main === undefined ? await build() : path.resolve(values.main);

if (values.profile) await runProfile();
else await runScenarios();

async function runProfile(): Promise<void> {
  const profiles = await profile({ main, seconds, only });
  console.log(values.json ? JSON.stringify(profiles) : profiles.map(({ text }) => text).join("\n\n"));
}

async function runScenarios(): Promise<void> {
  const [loadBefore = 0] = loadavg();
  const measurements: Measurement[] = [];
  const findings: Finding[] = [];
  const skipped = new Set<string>();
  for (const scenario of scenarios) {
    const context: ScenarioContext = {
      main,
      rounds,
      length: { seconds, requests },
      progress: (what) => progress(`${scenario.name}: ${what}`),
      skip: (what) => skipped.add(what),
    };
    const result = await scenario.run(context);
    measurements.push(...result.measurements);
    findings.push(...result.findings);
    progress("");
    // The whole takes minutes, so what is known is said.
    const known = [...measurementTable(result.measurements), ...findingTable(result.findings)];
    if (!values.json) console.log(`### ${scenario.name}: ${scenario.what}\n\n${known.join("\n")}`);
  }
  const report: Report = {
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    loadAverage: [loadBefore, loadavg()[0] ?? 0],
    connections: CONNECTIONS,
    rounds,
    seconds,
    measurements,
    findings,
    skipped: [...skipped],
  };
  const folder = path.join(import.meta.dirname, "results");
  await mkdir(folder, { recursive: true });
  await writeReport(path.join(folder, "bench.json"), report);
  await writeFile(path.join(folder, "bench.md"), `${renderReport(report)}\n`);
  if (values.json) console.log(JSON.stringify(report));
  else for (const line of skipped) console.log(line);
  if (values.baseline) await writeReport(BASELINE, report);
  if (values.check) await check(report);
}

async function check(report: Report): Promise<void> {
  const baseline = JSON.parse(await readFile(BASELINE, "utf8")) as Report;
  const compared = compare(report, baseline);
  // A check that compares nothing would always pass.
  if (compared.length === 0) throw new Error("this run and bench/baseline.json have no ratio in common");
  console.error(renderComparison(compared, baseline.at));
  if (compared.some(({ isWorse }) => isWorse)) process.exitCode = 1;
}

async function writeReport(file: string, report: Report): Promise<void> {
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}
