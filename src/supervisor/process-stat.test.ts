import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { processStat } from "./process-stat.ts";
import { until } from "./supervised-fixture.ts";

test.runIf(process.platform === "linux")("processor time is what the process itself measures", () => {
  const before = process.cpuUsage();
  const stat = processStat(process.pid);
  const after = process.cpuUsage();
  // To the hundredth of a second, in which the kernel counts user and system time each.
  expect(stat?.cpuMs).toBeGreaterThan((before.user + before.system) / 1_000 - 20.1);
  expect(stat?.cpuMs).toBeLessThanOrEqual((after.user + after.system) / 1_000);
  expect(stat?.isStopped).toBe(false);
});

test.runIf(process.platform === "linux")("a stopped process is told from a running one", async () => {
  const child = spawn("sleep", ["60"]);
  const pid = child.pid ?? 0;
  try {
    expect(processStat(pid)).toMatchObject({ isStopped: false });
    child.kill("SIGSTOP");
    await until(() => processStat(pid)?.isStopped === true);
  } finally {
    child.kill("SIGKILL");
  }
  await once(child, "exit");
  expect(processStat(pid)).toBeUndefined();
});
