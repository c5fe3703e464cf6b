import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MillraceError } from "../core/errors.ts";
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
  await collector.stop();
  expect({ pid: collector.pid, starts: collector.starts }).toEqual({ pid: undefined, starts: 2 });
  await collector.startAgain();
  expect(collector.starts).toBe(3);
  expect(await readFile(path.join(dir, "log"), "utf8")).toContain("Millrace is ready");
});

test("a start that fails for a reason with a code is told with it, and is no bug", async () => {
  const failed = start(`console.error("error: no such key (config_invalid)"); process.exitCode = 3;`);
  await expect(failed).rejects.toThrow(MillraceError);
  await expect(failed).rejects.toMatchObject({ code: "config_invalid" });
});

test.each([
  ["process.exit(0)", []],
  ["process.exit(1)", ["after SIGTERM it ended with 1, having lost 0 events at received"]],
  ["process.exit(13)", ["after SIGTERM it ended with 13, having lost 0 events at received"]],
  ["process.kill(process.pid, 'SIGKILL')", ["after SIGTERM it ended with SIGKILL, having lost 0 events at received"]],
])("an end after SIGTERM by %s is judged", async (end, expected) => {
  const misbehaved: string[] = [];
  await using collector = await start(
    `process.on("SIGTERM", () => ${end}); console.log("Millrace is ready"); setInterval(() => {}, 1_000);`,
    misbehaved,
  );
  await collector.stop();
  expect(misbehaved).toEqual(expected);
});

test("an end that nobody asked for is told, and it is started again", async () => {
  const misbehaved: string[] = [];
  await using collector = await start(
    `process.on("SIGHUP", () => process.exit(13)); console.log("Millrace is ready"); setInterval(() => {}, 1_000);`,
    misbehaved,
  );
  collector.signal("SIGHUP");
  await collector.isReady(2);
  expect(misbehaved).toEqual(["the supervisor ended by itself with 13"]);
});

test.each([
  ["error: no space (journal_unusable)", []],
  ["TypeError: x is undefined", ["a start failed with 1"]],
])("a later start that fails with %j is repeated, and judged by whether it has a code", async (said, expected) => {
  const misbehaved: string[] = [];
  const count = path.join(await mkdtemp(path.join(dir, "starts-")), "count");
  const program = `
    const { appendFileSync, readFileSync } = require("node:fs");
    appendFileSync(${JSON.stringify(count)}, "x");
    if (readFileSync(${JSON.stringify(count)}).length === 2) {
      console.error(${JSON.stringify(said)});
      process.exitCode = 1;
    } else {
      console.log("Millrace is ready");
      setInterval(() => {}, 1_000);
    }`;
  await using collector = await start(program, misbehaved);
  collector.signal("SIGKILL");
  await collector.isReady(3);
  expect(misbehaved).toEqual(expected);
});

test("workers that it has never shown are waited for when it died, before it is started again", async () => {
  const alive = path.join(dir, "alive");
  const worker = `
    const { rmSync, writeFileSync } = require("node:fs");
    process.on("disconnect", () => setTimeout(() => rmSync(process.argv[1]), 300));
    writeFileSync(process.argv[1], "");
    process.send("ready");`;
  await using collector = await start(`
    if (require("node:fs").existsSync(${JSON.stringify(alive)})) console.log("TOO EARLY");
    const args = ["-e", ${JSON.stringify(worker)}, ${JSON.stringify(alive)}];
    const forked = require("node:child_process").spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    forked.once("message", () => console.log("Millrace is ready"));
    process.on("SIGTERM", () => process.exit());`);
  collector.signal("SIGKILL");
  await collector.isReady(2);
  await collector.stop();
  expect(await readFile(path.join(dir, "log"), "utf8")).not.toContain("TOO EARLY");
});
