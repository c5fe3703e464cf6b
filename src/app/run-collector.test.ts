import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { loadAppConfig } from "./load-app-config.ts";
import { runCollector } from "./run-collector.ts";

const LOGGING = { level: "error", format: "json", colours: false } as const;

test("a signal to stop that comes during the start ends it cleanly, after one to reload as well", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "millrace.yaml");
  const parts = {
    listen: { port: 0 },
    admin: { port: 0 },
    journal: { dir: join(directory.path, "journal") },
    quarantine: { dir: join(directory.path, "quarantine") },
    deadLetters: { dir: join(directory.path, "dead-letters") },
    sources: [{ name: "web", keys: ["wk_test"] }],
    sinks: [{ type: "memory", name: "memory" }],
  };
  await writeFile(file, JSON.stringify(parts));
  const loaded = await loadAppConfig({ file, cwd: directory.path, env: {} });
  assert(loaded.kind === "ok");
  const output = new PassThrough();
  const ended = runCollector({ loaded, cwd: directory.path, env: {}, log: silent, logging: LOGGING, output });
  expect(process.emit("SIGHUP")).toBe(true);
  expect(process.emit("SIGTERM")).toBe(true);
  expect(await ended).toBe(0);
  output.end();
  expect(await text(output)).toContain("the ledger balances");
});
