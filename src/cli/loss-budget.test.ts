import { expect, test } from "vitest";
import { millraceConfig } from "../app/config.ts";
import { lossBudget } from "./loss-budget.ts";

function budgetOf(changes: Readonly<Record<string, unknown>>) {
  const sources = [{ name: "web", keys: ["wk_1"] }];
  const sinks = [{ name: "files", type: "file", dir: "x" }];
  const config = millraceConfig.parse({ sources, sinks, ...changes });
  const { acks, notes } = lossBudget(config);
  return { ...Object.fromEntries(acks.map((ack) => [ack.level, ack])), notes: notes.join("\n") };
}

const sink = (name: string, required: boolean) => ({ name, type: "file", dir: name, required });

test("a journal in memory promises nothing beyond the process, and never durable", () => {
  expect(budgetOf({ journal: { durability: "memory" } })).toMatchObject({
    accepted: { lostIf: "the process ends before every sink has it: at most 8GiB per worker" },
    durable: { means: expect.stringContaining("refused") },
  });
});

test("what a power cut can cost at accepted is the declared budget", () => {
  const { accepted } = Object.fromEntries(Object.entries(budgetOf({})));
  expect(accepted).toMatchObject({
    lostIf: expect.stringMatching(/power.* at most the last 1 s .* at most 64MiB .*kill -9 loses nothing/),
  });
  const unsynced = { maxMs: 200, maxBytes: "1MiB" };
  expect(budgetOf({ journal: { unsynced } })).toMatchObject({
    accepted: { lostIf: expect.stringMatching(/the last 200 ms .* at most 1MiB /) },
  });
});

test("a synced journal makes accepted worth as much as durable", () => {
  const { accepted, durable } = Object.fromEntries(Object.entries(budgetOf({ journal: { durability: "disk" } })));
  expect(accepted).toMatchObject({ lostIf: "the disk dies before every sink has it", defaultOf: ["web"] });
  expect(durable).toMatchObject({ lostIf: "the disk dies before every sink has it", defaultOf: [] });
});

test("delivered names the required sinks, or says that there is none", () => {
  expect(budgetOf({ sinks: [sink("a", true), sink("b", true), sink("c", false)] })).toMatchObject({
    delivered: { lostIf: "sinks a and b lose it" },
  });
  expect(budgetOf({ sinks: [sink("c", false)] })).toMatchObject({
    delivered: { means: "no more than accepted: no sink is required" },
  });
});

test("a sink that gives up on events is pointed out", () => {
  const sinks = [{ name: "files", type: "file", dir: "x", retry: { maxAgeMs: 90_000 } }];
  expect(budgetOf({ sinks }).notes).toContain("Sink files gives up on an event after 90 s");
});
