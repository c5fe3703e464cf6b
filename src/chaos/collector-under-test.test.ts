import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CollectorUnderTest } from "./collector-under-test.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "millrace-under-test-"));
});
afterAll(() => rm(dir, { recursive: true }));

/** Starts a program in the collector's place. */
function start(program: string, misbehaved: string[] = []): Promise<CollectorUnderTest> {
  return CollectorUnderTest.start({
    command: ["-e", program],
    dir,
    environment: {},
    port: 1,
    adminPort: 1,
    logFile: path.join(dir, "log"),
    onMisbehaved: (what) => misbehaved.push(what),
  });
}

test("one that does not start is told with what it said", async () => {
  await expect(start(`console.error("error: the port is taken"); process.exitCode = 1;`)).rejects.toThrow(
    "the collector did not start:\nerror: the port is taken",
  );
});

test("one that dies is started again, until it is told to stop", async () => {
  await using collector = await start(`console.log("Millrace is ready"); setInterval(() => {}, 1_000);`);
  const first = collector.pid;
  collector.signal("SIGKILL");
  await collector.isReady(2);
  expect(collector.pid).not.toBe(first);
  expect(await collector.stop()).toBe("SIGTERM");
  expect({ pid: collector.pid, starts: collector.starts }).toEqual({ pid: undefined, starts: 2 });
  await collector.startAgain();
  expect(collector.starts).toBe(3);
  expect(await readFile(path.join(dir, "log"), "utf8")).toContain("Millrace is ready");
});
