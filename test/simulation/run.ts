import { parseArgs } from "node:util";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "300" }, from: { type: "string", default: "1" } },
});
const one = process.env["SEED"];
if (one !== undefined) {
  const outcome = await simulate(Number(one));
  console.log(outcome.trace().join("\n"));
  console.log(outcome.violation, outcome.traceHash, outcome.steps, outcome.simulatedMs);
} else {
  const from = Number(values.from);
  const t = performance.now();
  const counts = new Map<string, number>();
  const kinds = new Map<string, number[]>();
  const n = Number(values.seeds);
  let steps = 0;
  let events = 0;
  for (let seed = from; seed < from + n; seed++) {
    const o = await simulate(seed);
    steps += o.steps;
    events += o.events;
    for (const [k, v] of o.counts) counts.set(k, (counts.get(k) ?? 0) + v);
    if (o.violation) {
      const k = `${o.violation.invariant}: ${o.violation.message.split("\n").slice(0, 2).join(" ").replaceAll(/\d+/g, "#").slice(0, 160)}`;
      kinds.set(k, [...(kinds.get(k) ?? []), seed]);
    }
  }
  const s = (performance.now() - t) / 1000;
  console.log(counts);
  for (const [k, v] of [...kinds].sort((a, b) => b[1].length - a[1].length)) console.log(v.length, k, v.slice(0, 8).join(","));
  console.log(`${n} seeds in ${s.toFixed(1)} s, ${(n / s).toFixed(0)}/s, steps/seed ${steps / n}, events/seed ${events / n}`);
}
