// npm run bench:publish: writes what bench/baseline.json says into the README, docs/benchmarks.md
// and its picture, and the CPU that `millrace cost` counts with. `npm run docs` comes after it.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Measurement } from "./measurement.ts";
import { PEERS, PEERS_FLOOR } from "./peers.ts";
import { picture } from "./picture.ts";
import { findingTable, renderReport, type Report } from "./report.ts";
import { MILLRACE } from "./scenarios/saturation.ts";
import { FLOORS } from "./targets.ts";

const ROOT = path.join(import.meta.dirname, "..");
const BASELINE = path.join(import.meta.dirname, "baseline.json");

interface Published {
  /** From the root of the repository. */
  readonly file: string;
  readonly content: string;
}

/** Everything that repeats figures of the baseline, as it should be. Tables are not aligned yet. */
export async function publishedFiles(): Promise<Published[]> {
  const report = JSON.parse(await readFile(BASELINE, "utf8")) as Report;
  return [
    { file: "docs/benchmarks.svg", content: picture(report) },
    await filled("README.md", [howMeasured(report), "", ...peersTable(report), "", ...goalsTable(report)]),
    await filled("docs/benchmarks.md", [howMeasured(report), "", renderReport(report)]),
    await withMeasuredCpu("src/cost/measured-cpu.ts", report),
  ];
}

/** A page with the lines between its two comments. */
async function filled(file: string, lines: readonly string[]): Promise<Published> {
  const page = await readFile(path.join(ROOT, file), "utf8");
  const block = /(<!-- Made by `npm run bench:publish` -->\n)[\s\S]*?(<!-- Until here -->)/;
  if (!block.test(page)) throw new Error(`${file} has no place for the figures`);
  return {
    file,
    content: page.replace(block, (_, start: string, end: string) => `${start}\n${lines.join("\n").trim()}\n\n${end}`),
  };
}

async function withMeasuredCpu(file: string, report: Report): Promise<Published> {
  let content = await readFile(path.join(ROOT, file), "utf8");
  for (const [scenario, events] of [
    ["single", 1],
    ["batch", 20],
  ] as const) {
    const micros = Number(find(report, scenario, MILLRACE.none).median.cpuMicrosPerEvent.toFixed(1));
    const figure = new RegExp(`(\\{ events: ${events}, microsPerEvent: )[\\d.]+`);
    if (!figure.test(content)) throw new Error(`${file} has no place for the CPU of ${scenario}`);
    content = content.replace(figure, (_, start: string) => `${start}${micros}`);
  }
  return { file, content };
}

function howMeasured({ at, node, cpu, cores, loadAverage, rounds, seconds }: Report): string {
  const [before] = loadAverage;
  return `Measured on ${at.slice(0, 10)} on ${cores} shared cores of an ${cpu.replace(/ \d+-Core Processor$/, "")}, Node ${node.slice(1)}: medians of ${rounds} alternated rounds of ${seconds} s, with a load of ${before.toFixed(1)} on the machine before it began.`;
}

function peersTable(report: Report): string[] {
  const own = [FLOORS.nginx, FLOORS.node, MILLRACE.none, MILLRACE.kpl].map((name) => {
    const [one, twenty] = [find(report, "single", name), find(report, "batch", name)];
    const rss = [one, twenty].map(({ median }) => Math.round((median.workerRssBytes || median.ownRssBytes) / 1e6));
    const cells = [one, twenty].flatMap(({ median, ratio }) => cellsOf(median.cpuMicrosPerEvent, ratio ?? Number.NaN));
    return [name.startsWith("Millrace") ? `**${name}**` : name, ...cells, rss.join(" / ")];
  });
  const quoted = PEERS.map(({ name, microsPerEvent: [one, twenty], peakRssMb }) => {
    const [floorOfOne, floorOfTwenty] = PEERS_FLOOR.microsPerEvent;
    const cells = [one, (one / floorOfOne).toFixed(1), twenty, (twenty / floorOfTwenty).toFixed(1)];
    return [`${name}, quoted`, ...cells, peakRssMb.join(" / ")];
  });
  return [
    "| | µs/event, 1 a request | × nginx | µs/event, 20 a request | × nginx | peak RSS, MB, 1 / 20 |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...[...own, ...quoted].map((cells) => `| ${cells.join(" | ")} |`),
  ];
}

function cellsOf(micros: number, ratio: number): string[] {
  return [micros.toFixed(micros < 10 ? 2 : 1), ratio.toFixed(1)];
}

/** Those findings that have a goal, each with its scenario. */
function goalsTable(report: Report): string[] {
  const withGoal = report.findings.filter(({ goal }) => goal !== undefined);
  return findingTable(withGoal.map((finding) => ({ ...finding, name: `${finding.scenario}: ${finding.name}` })));
}

function find({ measurements }: Report, scenario: string, name: string): Measurement {
  const found = measurements.find((each) => each.scenario === scenario && each.name === name);
  if (found === undefined) throw new Error(`bench/baseline.json has no ${name} in ${scenario}: run every scenario`);
  return found;
}

if (import.meta.main) {
  const written = [BASELINE];
  for (const { file, content } of await publishedFiles()) {
    const name = path.join(ROOT, file);
    await writeFile(name, content);
    if (!file.endsWith(".svg")) written.push(name);
    console.log(`${file} written`);
  }
  await promisify(execFile)(path.join(ROOT, "node_modules/.bin/oxfmt"), written);
  console.log("Now run `npm run docs`: docs/cost.md counts with the same CPU.");
}
