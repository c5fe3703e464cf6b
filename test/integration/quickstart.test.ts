import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";

const main = path.join(import.meta.dirname, "../../src/main.ts");

test("the line that a start without configuration prints answers 201 when pasted, and the event lands in a file", async () => {
  await using dir = await temporaryDir();
  await using cleanup = new AsyncDisposableStack();
  const env = { ...process.env, PORT: "0", ADMIN_PORT: "0" };
  const child = spawn(process.execPath, [main, "start"], { cwd: dir.path, env, stdio: ["ignore", "ignore", "pipe"] });
  cleanup.defer(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  let printed = "";
  child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await waitFor(() => printed.includes("It answers 201"));

  const line = /^ +curl (?:.*\\\n)*.*$/m.exec(printed)?.[0] ?? "";
  const { stdout } = await promisify(execFile)("sh", ["-c", line], { timeout: 10_000 });
  expect(stdout).toMatch(/^HTTP\/1\.1 201 Created/);

  const events = path.join(dir.path, "data/events");
  const finished = async (): Promise<string[]> => {
    const entries = await readdir(events, { recursive: true }).catch(() => []);
    return entries.filter((name) => name.endsWith(".ndjson") && !path.basename(name).startsWith("."));
  };
  await waitFor(async () => (await finished()).length === 1);
  const [file = ""] = await finished();
  expect(JSON.parse(await readFile(path.join(events, file), "utf8"))).toMatchObject({
    specversion: "1.0",
    source: "web",
    type: "page.viewed",
  });
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
}, 40_000);
