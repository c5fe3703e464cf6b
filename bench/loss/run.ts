// npm run bench:loss: the loss tests that other collectors were put to, on Millrace.
//
// Each test has a collector, a sink and a directory of its own. The sender knows what was
// acknowledged, the sink what was stored; both are other processes than the collector, and
// events are compared by number and byte for byte.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { CONNECTIONS } from "../kit/rig.ts";
import { killUnderLoad, stopWhileSinkIsDown } from "./crash.ts";
import { hostileBodies } from "./hostile.ts";
import { PEERS, PEERS_SOURCE } from "./peers.ts";
import { isSound, type LossResult } from "./result.ts";
import { saturation } from "./saturation.ts";
import { outage, partialFailures } from "./sink-faults.ts";

const TESTS: Readonly<Record<string, () => Promise<LossResult>>> = {
  kill: killUnderLoad,
  stop: stopWhileSinkIsDown,
  outage,
  partial: partialFailures,
  hostile: hostileBodies,
  saturation: () => saturation(1),
  "saturation-20": () => saturation(20),
};

const { values } = parseArgs({
  options: { only: { type: "string" }, json: { type: "boolean", default: false } },
});
if (process.platform !== "linux") throw new Error("the loss tests read memory from /proc and need Linux");
const chosen = values.only?.split(",") ?? Object.keys(TESTS);
const results: LossResult[] = [];
for (const name of chosen) {
  const test = TESTS[name];
  if (test === undefined) throw new Error(`--only takes ${Object.keys(TESTS).join(", ")}; not ${name}`);
  process.stderr.write(`${name}…\n`);
  results.push(await test());
}

const report = {
  at: new Date().toISOString(),
  node: process.version,
  connections: CONNECTIONS,
  results,
  peers: PEERS,
  peersSource: PEERS_SOURCE,
};
const folder = path.join(import.meta.dirname, "../results");
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "loss.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(values.json ? JSON.stringify(report) : render(results));
process.exitCode = results.every((result) => isSound(result)) ? 0 : 1;

function render(rows: readonly LossResult[]): string {
  const lines = [
    "| test | acknowledged | lost | doubled | altered | peak RSS MB: all, largest process | others, quoted |",
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
  ];
  for (const row of rows) {
    const memory = `${megabytes(row.peakTreeBytes)}, ${megabytes(row.peakProcessBytes)}`;
    const cells = [row.test, row.acknowledged, row.lost, row.doubled, row.altered, memory, PEERS[row.test].join("; ")];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  lines.push("", ...rows.map(({ test, how }) => `- ${test}: ${how}`));
  for (const row of rows.filter((each) => !isSound(each)))
    lines.push(`- FAILED: ${row.test}${row.failed === undefined ? "" : `: ${row.failed}`}`);
  lines.push("", `Millrace: measured by this run, ${report.at}. Others: ${PEERS_SOURCE}.`);
  return lines.join("\n");
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
