import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { LEVELS } from "./oracle.ts";
import type { StormReport } from "./report.ts";
import { runStorm } from "./storm.ts";

/** A storm with one fault that harms nobody, against a program that answers every event so. */
async function stormAgainst(
  environment: Readonly<Record<string, string>>,
  end = new AbortController().signal,
  giveUp = new AbortController().signal,
): Promise<StormReport> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-storm-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return runStorm({
    plan: { seed: 1, calmMs: 0, endMs: 500, faults: [{ number: 1, name: "none", atMs: 0, lengthMs: 0, seed: 1 }] },
    faults: [{ name: "none", lanes: ["clients"], weight: 1, lengthMs: [0, 0], meaning: "", begin: async () => ({}) }],
    dir,
    program: fileURLToPath(new URL("lying-collector-fixture.ts", import.meta.url)),
    workers: 1,
    rate: 2_000,
    configParts: {},
    patienceMs: 1_000,
    onProgress: () => {},
    end,
    giveUp,
  });
}

test("a collector that acknowledges nothing does not pass", async () => {
  const { passed, violations, events } = await stormAgainst({ FIXTURE_STATUS: "503" });
  expect(events.acknowledged).toEqual({ received: 0, accepted: 0, durable: 0, delivered: 0 });
  expect(passed).toBe(false);
  expect(Object.keys(violations)).toEqual(["nothing_acknowledged"]);
  for (const level of LEVELS)
    expect(violations.nothing_acknowledged?.examples).toContain(`none at ${level} before the first fault, for 1 s`);
});

test("a collector that does not come back after the faults does not pass", async () => {
  const { violations } = await stormAgainst({ FIXTURE_STATUS: "201", FIXTURE_REQUESTS: String(LEVELS.length) });
  expect(violations.nothing_acknowledged?.examples).toEqual([
    expect.stringMatching(/^\d+ requests that were sent again and again, 1 s after the last fault$/),
    ...LEVELS.map((level) => `none at ${level} after the last fault, for 1 s`),
  ]);
});

test("a storm that was ended before its first fault does not pass", async () => {
  const { passed, endedEarly } = await stormAgainst({ FIXTURE_STATUS: "201" }, AbortSignal.abort());
  expect({ passed, endedEarly }).toEqual({ passed: false, endedEarly: true });
});

test("an answer that cannot be read promises nothing, and is told", async () => {
  const { violations, events } = await stormAgainst({ FIXTURE_STATUS: "201", FIXTURE_BODY: "<html>" });
  expect(events.acknowledged).toEqual({ received: 0, accepted: 0, durable: 0, delivered: 0 });
  expect(Object.keys(violations)).toEqual(["misbehaved", "nothing_acknowledged"]);
  expect(violations.misbehaved?.examples[0]).toBe("an answer 201 cannot be read: <html>");
});

test("a collector that answers as if every event were valid is found out", async () => {
  const { violations } = await stormAgainst({ FIXTURE_STATUS: "201" });
  expect(violations.invalid_accepted?.examples[0]).toMatch(/^201 at \w+ does not tell of place \d+$/);
});

test("a storm that is given up ends at once, also when that was before it had begun", async () => {
  await expect(stormAgainst({ FIXTURE_STATUS: "201" }, undefined, AbortSignal.abort())).rejects.toThrow("given up");
});
