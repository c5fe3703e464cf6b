// npm run bench:attacks: what an open port is attacked with, while an honest client uses it.
//
// The collector, the honest client and the tools are processes of their own on one machine, so
// they share its cores: the honest client's latencies are those beside an attacker at full speed.
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { FIRST } from "../src/ingest/tls/tls-fixture.ts";
import { CollectorProcess, temporaryDir } from "../test/kit/collector-process.ts";
import { ATTACKER, VICTIM } from "../test/kit/hostile-requests.ts";
import type { Attack } from "./attacks/attack.ts";
import { CONNECTION_ATTACKS } from "./attacks/connection-attacks.ts";
import { HonestClient, type HonestFigures } from "./attacks/honest-client.ts";
import { LIMITED, PER_CLIENT, QUOTA_ATTACKS } from "./attacks/quota-attacks.ts";
import { REQUEST_ATTACKS } from "./attacks/request-attacks.ts";
import { type AttackResult, megabytes, runAttack } from "./attacks/run-attack.ts";
import { SLOW_ATTACKS } from "./attacks/slow-attacks.ts";
import { TLS_ATTACKS } from "./attacks/tls-attacks.ts";

const ATTACKS: readonly Attack[] = [
  ...SLOW_ATTACKS,
  ...CONNECTION_ATTACKS,
  ...REQUEST_ATTACKS,
  ...QUOTA_ATTACKS,
  ...TLS_ATTACKS,
];

const HONEST_KEY = "wk_honest";
const WARM_UP_MS = 5_000;
const BASELINE_MS = 15_000;

/** Shorter than the defaults, so that what they end is seen to end. */
const TIMEOUTS = "headersTimeoutMs: 5000, requestTimeoutMs: 15000, ackTimeoutMs: 2000";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
  },
});
if (process.platform !== "linux") throw new Error("the attacks read memory from /proc and need Linux");
const seconds = Number(values.seconds);
if (!(seconds >= 1)) throw new Error(`--seconds takes a number from 1, not ${values.seconds}`);
const chosen = ATTACKS.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`--only is a part of one of: ${ATTACKS.map(({ name }) => name).join("; ")}`);

const results: AttackResult[] = [];
const baselines: Record<string, HonestFigures> = {};
const skipped: string[] = [];
const faults: string[] = [];
for (const [name, tls] of [
  ["plain", false],
  ["tls", true],
] as const) {
  const attacks = chosen.filter((attack) => (attack.tls ?? false) === tls && canRun(attack));
  if (attacks.length > 0) baselines[name] = await attackAll(attacks, tls);
}

const report = {
  at: new Date().toISOString(),
  node: process.version,
  cores: availableParallelism(),
  seconds,
  timeouts: TIMEOUTS,
  baselines,
  results,
  skipped,
  faults,
};
const folder = path.join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "attacks.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(values.json ? JSON.stringify(report) : render());
process.exitCode = faults.length + results.reduce((sum, result) => sum + result.faults.length, 0) > 0 ? 1 : 0;

/** One collector for all, so that what an attack leaves behind would be found in the next. */
async function attackAll(attacks: readonly Attack[], tls: boolean): Promise<HonestFigures> {
  await using dir = await temporaryDir();
  const [cert, key] = [path.join(dir.path, "cert.pem"), path.join(dir.path, "key.pem")];
  await Promise.all([writeFile(cert, FIRST.cert), writeFile(key, FIRST.key)]);
  await using collector = await CollectorProcess.start(dir.path, configuration(tls));
  const scheme = tls ? "https" : "http";
  const url = `${scheme}://127.0.0.1:${collector.port}/v1/events`;
  let baseline: HonestFigures;
  {
    await using honest = await HonestClient.start(url, HONEST_KEY, { NODE_EXTRA_CA_CERTS: cert });
    await delay(WARM_UP_MS);
    await honest.take();
    await delay(BASELINE_MS);
    baseline = await honest.take();
    for (const attack of attacks) {
      process.stderr.write(`${attack.name}…\n`);
      const target = { collector, port: collector.port, url, seconds };
      const result = await runAttack(attack, target, honest, baseline);
      results.push(result);
      for (const fault of result.faults) process.stderr.write(`  ${fault}\n`);
    }
  }
  const { balanced } = await collector.settled();
  if (!balanced) faults.push(`${scheme}: the ledger does not balance`);
  collector.signal("SIGTERM");
  const code = await collector.exited();
  if (code !== 0) faults.push(`${scheme}: the collector ended with ${code}`);
  return baseline;
}

function configuration(tls: boolean): string {
  const { eventsPerSecond, burst } = PER_CLIENT;
  return `
listen: { host: 127.0.0.1, port: 0${tls ? ", tls: { cert: ./cert.pem, key: ./key.pem }" : ""} }
http: { ${TIMEOUTS} }
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: honest, keys: [${HONEST_KEY}] }
  - { name: ${ATTACKER.name}, keys: [${ATTACKER.key}] }
  - { name: ${VICTIM.name}, keys: [${VICTIM.key}] }
  - { name: ${LIMITED.name}, keys: [${LIMITED.key}], quota: { eventsPerSecond: ${LIMITED.eventsPerSecond}, burst: ${LIMITED.burst} } }
  - name: ${PER_CLIENT.name}
    keys: [${PER_CLIENT.key}]
    quota: { eventsPerSecond: 1000000, burst: 1000000, perClient: { eventsPerSecond: ${eventsPerSecond}, burst: ${burst} } }
sinks:
  - { name: files, type: file, dir: ./data/events }
`;
}

function canRun({ name, program }: Attack): boolean {
  if (program === undefined) return true;
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    const debianPackage = program === "h2load" ? "nghttp2-client" : program;
    skipped.push(`${name}: skipped, ${program} is not installed (Debian: ${debianPackage})`);
    return false;
  }
}

function render(): string {
  const lines = [
    "| attack | sent | answered | honest p50, p99, max ms | honest failed | new connections failed, slowest ms | RSS MB before, peak, after |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: |",
  ];
  for (const [name, honest] of Object.entries(baselines)) lines.push(row(`none (${name})`, "", "", honest, ""));
  for (const result of results) {
    const memory = [result.beforeBytes, result.peakBytes, result.afterBytes]
      .map((bytes) => megabytes(bytes))
      .join(", ");
    lines.push(row(result.attack, result.sent, result.answered, result.honest, memory));
  }
  const found = [...faults, ...results.flatMap((each) => each.faults.map((fault) => `${each.attack}: ${fault}`))];
  lines.push("", ...skipped.map((each) => `- ${each}`), ...found.map((each) => `- **${each}**`));
  lines.push(`Measured by this run: ${report.at}, Node ${report.node}, ${report.cores} cores for all.`);
  return lines.join("\n");
}

function row(attack: string, sent: string, answered: string, honest: HonestFigures, memory: string): string {
  const latencies = [honest.p50Ms, honest.p99Ms, honest.maxMs].map((ms) => ms.toFixed(1)).join(", ");
  const newcomers = `${honest.newcomersFailed} of ${honest.newcomers}, ${honest.newcomersMaxMs.toFixed(0)}`;
  const cells = [attack, sent, answered, latencies, `${honest.failed} of ${honest.requests}`, newcomers, memory];
  return `| ${cells.join(" | ")} |`;
}
