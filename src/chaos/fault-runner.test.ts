import { expect, test } from "vitest";
import { FaultRunner } from "./fault-runner.ts";
import type { Fault, Lane } from "./fault.ts";
import type { Plan, PlannedFault } from "./plan.ts";
import { sharedClockMs } from "./shared-clock.ts";
import type { Targets } from "./targets.ts";

/** A fault that writes down its begin and its end. */
function noted(name: string, lanes: readonly [Lane, ...Lane[]], notes: string[], more: Partial<Fault> = {}): Fault {
  return {
    name,
    lanes,
    weight: 1,
    lengthMs: [0, 0],
    meaning: "",
    async begin() {
      notes.push(`${name} begins`);
      return { detail: "it", end: async () => void notes.push(`${name} ends`) };
    },
    ...more,
  };
}

function runnerOf(faults: readonly Fault[], end: AbortSignal = new AbortController().signal) {
  const told = { over: [] as string[], failed: [] as string[] };
  const runner = new FaultRunner({
    faults,
    // The faults of these tests act upon nothing.
    targets: {} as Targets,
    startMs: sharedClockMs(),
    end,
    onOver: (fault) => told.over.push(fault),
    onFailed: (what) => told.failed.push(what),
  });
  return { runner, told };
}

function planOf(...faults: readonly Omit<PlannedFault, "number" | "seed">[]): Plan {
  return {
    seed: 1,
    calmMs: 0,
    endMs: 1_000,
    faults: faults.map((fault, at) => ({ ...fault, number: at + 1, seed: at })),
  };
}

test("faults that share a lane come one after the other, also when one takes longer than planned", async () => {
  const notes: string[] = [];
  const slow = noted("slow", ["process"], notes, {
    async begin() {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { end: async () => void notes.push("slow ends") };
    },
  });
  const both = noted("both", ["sink", "process"], notes);
  const { runner, told } = runnerOf([slow, both, noted("other", ["clock"], notes)]);
  await runner.run(
    planOf(
      { name: "slow", atMs: 0, lengthMs: 0 },
      { name: "both", atMs: 5, lengthMs: 0 },
      { name: "other", atMs: 5, lengthMs: 0 },
    ),
  );
  expect(notes).toEqual(["other begins", "other ends", "slow ends", "both begins", "both ends"]);
  expect(told).toEqual({ over: ["other", "slow", "both"], failed: [] });
  expect(runner.counts()).toEqual({ slow: 1, both: 1, other: 1 });
});

test("when the storm ends, faults that go on end too, and those to come are skipped with the reason", async () => {
  const notes: string[] = [];
  const end = new AbortController();
  const { runner } = runnerOf([noted("long", ["disk"], notes), noted("later", ["disk"], notes)], end.signal);
  const over = runner.run(
    planOf({ name: "long", atMs: 0, lengthMs: 60_000 }, { name: "later", atMs: 60_000, lengthMs: 0 }),
  );
  await expect.poll(() => runner.active).toEqual(["long"]);
  end.abort();
  await over;
  expect(notes).toEqual(["long begins", "long ends"]);
  expect(runner.runs.map(({ name, skipped }) => [name, skipped])).toEqual([
    ["long", undefined],
    ["later", "the storm ended first"],
  ]);
});

test("a fault that cannot be ended is told, and the storm goes on", async () => {
  const notes: string[] = [];
  const stuck = noted("stuck", ["process"], notes, {
    begin: async () => ({ end: () => Promise.reject(new Error("the collector was not ready")) }),
  });
  const { runner, told } = runnerOf([stuck, noted("next", ["process"], notes)]);
  await runner.run(planOf({ name: "stuck", atMs: 0, lengthMs: 0 }, { name: "next", atMs: 1, lengthMs: 0 }));
  expect(told.failed).toEqual(["stuck: the collector was not ready"]);
  expect(notes).toEqual(["next begins", "next ends"]);
});

test("what a fault excuses is known with its time: that of a death is the signal's", async () => {
  const notes: string[] = [];
  const deadMs = sharedClockMs();
  const { runner } = runnerOf([
    noted("kill", ["process"], notes, { isBlow: true, begin: async () => ({ workerEndMs: deadMs }) }),
    noted("full", ["disk"], notes, { losesReceived: true }),
    noted("down", ["sink"], notes),
    noted("jump", ["clock"], notes),
  ]);
  await runner.run(planOf(...["kill", "full", "down", "jump"].map((name) => ({ name, atMs: 0, lengthMs: 10 }))));
  expect(runner.excuses.map(({ kind }) => kind).toSorted()).toEqual(["disk", "process", "sink", "worker_end"]);
  for (const excuse of runner.excuses) {
    if (excuse.kind === "worker_end") expect(excuse).toMatchObject({ fromMs: deadMs, toMs: deadMs });
    else expect(excuse.toMs - excuse.fromMs).toBeGreaterThan(8);
  }
});
