import { Counter, Gauge } from "prom-client";
import { expect, test } from "vitest";
import { createRegistry } from "../telemetry/registry.ts";
import { nodeMetrics } from "./node-metrics.ts";
import { nodeHealth, nodeSinks, type SlotView } from "./node-view.ts";
import type { SinkView } from "./worker-protocol.ts";

const SINK: SinkView = {
  sink: "stream",
  state: "ok",
  sinceMs: 1_000,
  lastError: undefined,
  inFlight: 1,
  lagEvents: 10,
  lagBytes: 100,
  lagMs: 5,
};

function view(slot: string, task: "serve" | "empty", reasons: string[] = [], sinks: SinkView[] = []): SlotView {
  const ledger = { version: 1, countedTo: 0, accepted: {}, quarantined: {}, sinks: {} } as const;
  return {
    slot,
    task,
    view: { health: { live: true, ready: reasons.length === 0, reasons }, ledger, journalFraction: 0, sinks },
  };
}

test("a node is ready while its workers that answer are, and says which is not", () => {
  expect(nodeHealth([view("0", "serve")], false, false)).toEqual({ live: true, ready: true, reasons: [] });
  const one = [view("0", "serve"), view("1", "serve", ["the disk of the journal is full"])];
  expect(nodeHealth(one, false, false)).toEqual({
    live: true,
    ready: false,
    reasons: ["worker 1: the disk of the journal is full"],
  });
  expect(nodeHealth([view("0", "serve", ["full"])], false, false).reasons).toEqual(["full"]);
  expect(nodeHealth([view("0", "serve"), view("7", "empty", ["full"])], false, false).ready).toBe(true);
});

test("a node that drains, or where no worker serves, is not ready; one where all crash is not even live", () => {
  expect(nodeHealth([view("0", "serve")], true, false)).toEqual({ live: true, ready: false, reasons: ["draining"] });
  expect(nodeHealth([view("7", "empty")], false, false)).toMatchObject({ live: true, reasons: ["no worker serves"] });
  expect(nodeHealth([], false, true)).toMatchObject({ live: false, ready: false });
});

test("a sink is shown as its worst worker has it, and what is behind adds up", () => {
  const failing: SinkView = { ...SINK, state: "failing", sinceMs: 500, lastError: "503", lagEvents: 90, lagMs: 2 };
  const sinks = nodeSinks([
    view("0", "serve", [], [SINK, { ...SINK, sink: "files" }]),
    view("1", "serve", [], [failing]),
  ]);
  expect(sinks).toEqual([
    { ...SINK, state: "failing", sinceMs: 500, lastError: "503", inFlight: 2, lagEvents: 100, lagBytes: 200, lagMs: 5 },
    { ...SINK, sink: "files" },
  ]);
});

test("the metrics of all processes are one text, told apart by the label worker", async () => {
  const processes = ["supervisor", "0", "1"].map((worker) => {
    const registry = createRegistry(worker);
    new Counter({ name: "millrace_test_total", help: "A test.", labelNames: ["sink"], registers: [registry] }).inc(
      { sink: "stream" },
      2,
    );
    return registry;
  });
  new Gauge({ name: "millrace_up", help: "Up.", labelNames: ["worker"], registers: processes.slice(0, 1) }).set(
    { worker: "1" },
    1,
  );
  const text = await nodeMetrics(await Promise.all(processes.map((registry) => registry.getMetricsAsJSON())));
  expect(text.match(/^# HELP millrace_test_total A test\.$/gm)).toHaveLength(1);
  for (const worker of ["supervisor", "0", "1"]) {
    expect(text).toMatch(new RegExp(`^millrace_test_total\\{sink="stream",worker="${worker}"\\} 2$`, "m"));
    expect(text).toMatch(new RegExp(`^process_resident_memory_bytes\\{worker="${worker}"\\} \\d+$`, "m"));
  }
  expect(text).toMatch(/^millrace_up\{worker="1"\} 1$/m);
});
