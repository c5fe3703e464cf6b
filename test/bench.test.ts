import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { compare } from "../bench/baseline.ts";
import { isMet } from "../bench/finding.ts";
import { NumberedLoad } from "../bench/kit/numbered-load.ts";
import { isSound, type LossResult } from "../bench/loss/result.ts";
import { type Measurement, summarise } from "../bench/measurement.ts";
import type { Round } from "../bench/measure.ts";
import { attribute } from "../bench/profile/attribute.ts";
import { FLOORS } from "../bench/targets.ts";
import { publishedFiles } from "../bench/publish.ts";
import type { Report } from "../bench/report.ts";

const SOUND: LossResult = {
  test: "kill -9 under load",
  how: "",
  acknowledged: 5_000,
  lost: 0,
  doubled: 3,
  altered: 0,
  peakTreeBytes: 1,
  peakProcessBytes: 1,
};

test("a loss test is sound when something was acknowledged, and nothing lost, altered or wrong otherwise", () => {
  expect(isSound(SOUND)).toBe(true);
  for (const change of [{ acknowledged: 0 }, { lost: 1 }, { altered: 1 }, { failed: "exit code 13" }])
    expect(isSound({ ...SOUND, ...change })).toBe(false);
});

test("a load that gets nothing acknowledged says so instead of waiting for ever", async () => {
  await using server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(503).end("no"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/events`;
  const load = new NumberedLoad({ url, key: "k", connections: 1, eventsPerRequest: 1, eventsPerSecond: 20 });
  await expect(load.reached(1, 200)).rejects.toThrow("nothing was acknowledged for 0.2 s, at 0 of 1 events: 503 no");
  await load.stop();
});

const ROUND: Round = {
  cpuMicrosPerEvent: 0,
  eventsPerSecond: 1,
  p50Ms: 1,
  p99Ms: 1,
  failed: 0,
  cpuShare: 1,
  generatorCpuShare: 1,
  ownRssBytes: 1,
  workerRssBytes: 1,
};

/** What a run measured with these CPU times an event, by round. */
function measurements(cpu: Readonly<Record<string, readonly number[]>>): Measurement[] {
  const all = Object.entries(cpu).map(([name, micros]) => ({
    subject: { name, target: {} as never, shape: { eventsPerRequest: 1, body: "json" } as const },
    rounds: micros.map((cpuMicrosPerEvent) => ({ ...ROUND, cpuMicrosPerEvent })),
  }));
  return summarise("single", all, FLOORS.nginx);
}

function report(cpu: Readonly<Record<string, readonly number[]>>, durable = 0.8): Report {
  return {
    at: "",
    node: "",
    cpu: "",
    cores: 2,
    loadAverage: [0, 0],
    connections: 64,
    rounds: 3,
    seconds: 5,
    measurements: measurements(cpu),
    findings: [
      {
        scenario: "durable",
        name: "throughput",
        value: durable,
        unit: "×",
        isRatio: true,
        goal: { kind: "at least", value: 0.7 },
      },
    ],
    skipped: [],
  };
}

test("figures are medians, and ratios are to the floor of the same run", () => {
  const [floor, own] = measurements({ [FLOORS.nginx]: [8, 7, 12], own: [20, 40, 16] });
  expect(floor).toMatchObject({ ratio: 1, bestRatio: 1 });
  expect(own).toMatchObject({ ratio: 20 / 8, bestRatio: 16 / 7, minCpuMicrosPerEvent: 16, maxCpuMicrosPerEvent: 40 });
});

test("only what is worse in the median and in the best round fails the check", () => {
  const baseline = report({ [FLOORS.nginx]: [8, 8, 8], own: [20, 20, 20] });
  const verdicts = (own: readonly number[]) =>
    compare(report({ [FLOORS.nginx]: [8, 8, 8], own }), baseline).map(({ isWorse }) => isWorse);
  expect(verdicts([30, 30, 20])).toEqual([false, false]);
  expect(verdicts([30, 30, 25])).toEqual([true, false]);
  expect(verdicts([10, 10, 10])).toEqual([false, false]);
});

test("a machine that is slower in all is not worse, and less throughput than before is", () => {
  const baseline = report({ [FLOORS.nginx]: [8], own: [20] });
  expect(compare(report({ [FLOORS.nginx]: [16], own: [40] }), baseline).map(({ isWorse }) => isWorse)).toEqual([
    false,
    false,
  ]);
  const compared = compare(report({ [FLOORS.nginx]: [8], own: [20] }, 0.5), baseline);
  expect(compared.filter(({ isWorse }) => isWorse).map(({ name }) => name)).toEqual(["durable: throughput"]);
});

test("a goal without a figure is neither met nor missed", () => {
  const finding = { scenario: "", name: "", unit: "×", goal: { kind: "at most", value: 2 } } as const;
  expect([2, 2.1, Number.NaN].map((value) => isMet({ ...finding, value }))).toEqual([true, false, undefined]);
});

test("a profile's time counts for the part that called, and only within the time asked for", () => {
  const frame = (functionName: string, url = "") => ({ functionName, url });
  const profile = {
    startTime: 1_000,
    nodes: [
      { id: 1, callFrame: frame("(root)"), children: [2, 4, 5, 6] },
      { id: 2, callFrame: frame("append", "file:///x/dist/journal/disk-journal.js"), children: [3] },
      { id: 3, callFrame: frame("writev", "node:fs") },
      { id: 4, callFrame: frame("(garbage collector)") },
      { id: 5, callFrame: frame("(idle)") },
      { id: 6, callFrame: frame("onread", "node:internal/stream_base_commons") },
    ],
    samples: [3, 2, 3, 4, 5, 6, 3],
    timeDeltas: [100, 10, 10, 5, 500, 7, 1_000],
  };
  const { parts, functions, busyMicros } = attribute(profile, 1_105, 1_700);
  expect(Object.fromEntries(parts)).toEqual({
    journal: 20,
    "garbage collection": 5,
    "node: sockets and event loop": 7,
  });
  expect(functions.get("writev node:fs")).toBe(10);
  expect(busyMicros).toBe(32);
});

test("what the README, the docs and the bill say of CPU is what the baseline says (npm run bench:publish writes it)", async () => {
  // Tables are aligned by the formatter.
  const bare = (text: string): string => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
  for (const { file, content } of await publishedFiles()) {
    const written = await readFile(path.join(import.meta.dirname, "..", file), "utf8");
    expect(bare(written), file).toBe(bare(content));
  }
});
