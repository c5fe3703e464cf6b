// npm run simulate: runs the journal, the ledger and the pipelines in a simulated world, seed by seed.
//
//   npm run simulate                                  some hundred seeds
//   npm run simulate -- --seeds 10000 --from 1 --jobs 2
//   SEED=4711 npm run simulate                        one seed, step by step
//   npm run simulate -- --plant skip-fsync            a bug put in on purpose: how many seeds find it
//   npm run simulate -- --plant all
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { PLANTS, type Plant } from "./plants.ts";
import { type Outcome, simulate } from "./simulation.ts";
import { addTally, count, describeTally, newTally, type Tally } from "./tally.ts";

const LAST_STEPS = 40;

/** What a job tells the process that started it. */
interface JobResult {
  readonly tally: Tally;
  /** The seed that broke an invariant. */
  readonly failed: number | undefined;
}

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "300" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
    plant: { type: "string" },
    /** Of a job: it takes every so-manieth seed. */
    step: { type: "string" },
  },
});
const seeds = whole("seeds", values.seeds);
const from = whole("from", values.from);
const jobs = whole("jobs", values.jobs);

if (process.env["SEED"] !== undefined) {
  await replay(whole("SEED", process.env["SEED"]));
} else if (values.plant !== undefined) {
  for (const name of values.plant === "all" ? Object.keys(PLANTS) : [values.plant]) await findPlanted(name);
} else if (values.step !== undefined) {
  process.send?.(await runSeeds(from, whole("step", values.step)));
} else {
  await runAll();
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= (name === "SEED" ? 0 : 1)) return number;
  console.error(`${name} must be a whole number above 0, not ${text}`);
  process.exit(2);
}

function plantOf(name: string): Plant {
  const plant = PLANTS[name];
  if (plant !== undefined) return plant;
  console.error(`there is no plant ${name}; there are ${Object.keys(PLANTS).join(", ")} and all`);
  process.exit(2);
}

async function replay(seed: number): Promise<void> {
  const outcome = await simulate(seed, values.plant === undefined ? {} : plantOf(values.plant));
  console.log(outcome.trace().join("\n"));
  console.log(`seed ${seed}: trace ${outcome.traceHash}, ${outcome.steps} steps, ${outcome.events} events`);
  if (outcome.violation === undefined) return;
  console.log(`${outcome.violation.invariant}: ${outcome.violation.message}`);
  process.exitCode = 1;
}

async function runAll(): Promise<void> {
  const startedMs = performance.now();
  const results = jobs === 1 ? [await runSeeds(from, 1)] : await Promise.all(startJobs());
  const tally = newTally();
  for (const result of results) addTally(tally, result.tally);
  console.log(describeTally(tally, (performance.now() - startedMs) / 1_000));
  const failed = results.flatMap((result) => result.failed ?? []).toSorted((a, b) => a - b)[0];
  if (failed === undefined) {
    console.log("every invariant held in every seed");
    return;
  }
  explain(await simulate(failed));
  process.exitCode = 1;
}

/** Ends at the first seed that breaks an invariant. */
async function runSeeds(first: number, step: number): Promise<JobResult> {
  const tally = newTally();
  for (let seed = first; seed < from + seeds; seed += step) {
    const outcome = await simulate(seed);
    count(tally, outcome);
    if (outcome.violation !== undefined) return { tally, failed: seed };
    if (process.stderr.isTTY && tally.seeds % 100 === 0)
      process.stderr.write(`\r${tally.seeds * step} of ${seeds} seeds`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return { tally, failed: undefined };
}

function startJobs(): Promise<JobResult>[] {
  return Array.from({ length: jobs }, async (_, job) => {
    // Each job counts from `from`, so that it ends where the others do.
    const options = ["--seeds", String(seeds - job), "--from", String(from + job), "--step", String(jobs)];
    const child = fork(import.meta.filename, options);
    return new Promise<JobResult>((resolve, reject) => {
      child.once("message", (result) => resolve(result as JobResult));
      child.once("exit", (code) => reject(new Error(`a job ended with exit code ${code}`)));
    });
  });
}

function explain({ seed, violation, trace }: Outcome): void {
  console.log(`\nthe last steps of seed ${seed}:\n${trace(LAST_STEPS).join("\n")}`);
  console.log(`\nseed ${seed} breaks an invariant (${violation?.invariant}): ${violation?.message}`);
  console.log(`run it again: SEED=${seed} npm run simulate`);
}

async function findPlanted(name: string): Promise<void> {
  const plant = plantOf(name);
  for (let seed = from; seed < from + seeds; seed++) {
    const { violation } = await simulate(seed, plant);
    if (violation === undefined) continue;
    const [message] = violation.message.split("\n");
    console.log(`${name}: caught after ${seed - from + 1} seeds, in seed ${seed} (${violation.invariant}): ${message}`);
    return;
  }
  console.log(`${name}: not caught in ${seeds} seeds`);
  process.exitCode = 1;
}
