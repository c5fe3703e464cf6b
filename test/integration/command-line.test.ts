import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";

const main = path.join(import.meta.dirname, "../../src/main.ts");

/** Runs the command as a process of its own, as users do. */
async function millrace(args: readonly string[], cwd = tmpdir()) {
  const child = spawn(process.execPath, [main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: 15_000 });
  const closed = new Promise((resolve) => {
    child.on("close", resolve);
  });
  const [exitCode, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  return { exitCode, stdout, stderr };
}

test("--help and version answer on standard output", async () => {
  const [help, version] = await Promise.all([millrace(["--help"]), millrace(["version"])]);
  expect(help).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Usage: millrace"), stderr: "" });
  expect(version).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^millrace \d/), stderr: "" });
});

test("a configuration with problems ends check and start with exit code 3 and all of them", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, "millrace.yaml"), "lisen: {}\nworkers: ${WORKERS}\nsources: []\nsinks: []\n");
  const runs = await Promise.all([millrace(["check"], folder), millrace(["start"], folder)]);
  for (const { exitCode, stdout, stderr } of runs) {
    expect(exitCode).toBe(3);
    expect(stdout).toBe("");
    expect(stderr.split("\n").filter((line) => line.startsWith("  millrace.yaml:"))).toHaveLength(4);
  }
});

test("a reader that stops reading is no failure", async () => {
  const child = spawn(process.execPath, [main, "schema", "config"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [exitCode, stderr] = await Promise.all([
    new Promise((resolve) => {
      child.on("close", resolve);
    }),
    text(child.stderr),
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});
