import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { Injection } from "./injection.ts";

test("faults of the clock and of the disk are switched independently of one another, also at the same time", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-injection-"));
  try {
    const injection = await Injection.create(dir, dir);
    const read = async (): Promise<unknown> => JSON.parse(await readFile(path.join(dir, "injection.json"), "utf8"));
    await Promise.all([injection.set({ clockShiftMs: 5 }), injection.set({ disk: { syncDelayMs: 7 } })]);
    expect(await read()).toEqual({ clockShiftMs: 5, disk: { syncDelayMs: 7 } });
    await Promise.all([injection.set({ disk: {} }), injection.set({ clockShiftMs: -5 })]);
    expect(await read()).toEqual({ clockShiftMs: -5, disk: {} });
  } finally {
    await rm(dir, { recursive: true });
  }
});
