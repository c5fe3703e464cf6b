import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { RunOptions } from "../app/run-collector.ts";
import { runCli } from "./run-cli.ts";

// The collector itself is tested in test/integration; here it only prints, logs and ends.
vi.mock("../app/run-collector.ts", () => ({
  async runCollector({ output, log }: RunOptions) {
    output.write("Millrace is ready.\n  events  POST http://127.0.0.1:8080/v1/events\n");
    log.debug("a detail");
    log.info("a line");
    return 1;
  },
}));

async function millrace(args: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  // A folder without millrace.yaml: the built-in configuration.
  const cwd = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const exitCode = await runCli(args, { stdin: Readable.from([]), stdout, stderr, env: {}, cwd });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

test("start leaves standard output to a stdout sink, and ends with the collector's exit code", async () => {
  const { exitCode, stdout, stderr } = await millrace(["start"]);
  expect(exitCode).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^Millrace is ready\.\n {2}events .*\n\{"level":"info",.*"msg":"a line"\}\n$/);
});

test("start --json prints nothing but JSON lines", async () => {
  const { stderr } = await millrace(["start", "--json"]);
  const lines = stderr.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    "Millrace is ready.\n  events  POST http://127.0.0.1:8080/v1/events",
    "a line",
  ]);
});

test("dev logs readably, and in more detail", async () => {
  const { stderr } = await millrace(["dev"]);
  expect(stderr).toContain("DEBUG: a detail");
});

test("--log-level decides over the configuration and the command", async () => {
  const [start, dev] = await Promise.all([
    millrace(["start", "--log-level", "debug"]),
    millrace(["dev", "--log-level", "warn"]),
  ]);
  expect(start.stderr).toContain("a detail");
  expect(dev.stderr).not.toContain("a line");
});
