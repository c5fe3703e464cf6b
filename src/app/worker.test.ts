import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { draftOf, openTestJournal, temporaryDirectory } from "../journal/journal-fixture.ts";
import { SchemaRegistry } from "../schemas/registry.ts";
import { millraceConfig } from "./config.ts";
import { Worker } from "./worker.ts";

/** A worker that empties a slot with an event, which goes out when the worker drains. */
async function emptyingWorker() {
  const directory = temporaryDirectory();
  onTestFinished(() => directory[Symbol.dispose]());
  const config = millraceConfig.parse({
    journal: { dir: join(directory.path, "journal") },
    quarantine: { dir: join(directory.path, "quarantine") },
    deadLetters: { dir: join(directory.path, "dead-letters") },
    sources: [{ name: "web", keys: ["wk_test"] }],
    sinks: [{ name: "sink", type: "memory", batch: { maxAgeMs: 900_000 } }],
  });
  const slot = "1";
  const { journal } = await openTestJournal({ config: config.journal, slot });
  await journal.append([draftOf("a")], "written");
  await journal.close();
  const logged: string[] = [];
  const worker = await Worker.start({
    slot,
    settings: { config, schemas: new SchemaRegistry() },
    serving: undefined,
    crashes: {},
    isReplacement: false,
    statusIn: () => Promise.resolve({ kind: "no_slot" }),
    sendCounts: () => Promise.resolve("counted"),
    log: pino({ level: "error" }, { write: (line: string) => void logged.push(line) }),
  });
  const path = join(config.journal.dir, slot);
  const segments = async () => (await readdir(path)).filter((name) => name.endsWith(".seg"));
  return { worker, path, logged, segments };
}

test("a slot that was emptied has no segments left, and no room kept for saving", async () => {
  const { worker, path, segments } = await emptyingWorker();
  expect(await readdir(path)).toContain("reserve");
  expect(await segments()).toHaveLength(1);
  await worker.drain();
  expect(await segments()).toEqual([]);
  expect(await readdir(path)).not.toContain("reserve");
});

test("the segments of an emptied slot stay when it could not be saved that it is empty", async () => {
  const { worker, path, segments } = await emptyingWorker();
  // No file can be written where a directory is.
  await expect.poll(() => mkdir(join(path, "checkpoint.new.json")).then(() => true)).toBe(true);
  await worker.drain();
  expect(worker.isEmpty).toBe(true);
  expect(await segments()).toHaveLength(1);
});

test("a worker ends in order, and says what to do, when the segments of its empty slot cannot be deleted", async () => {
  const { worker, path, logged } = await emptyingWorker();
  await mkdir(join(path, "0000000000000099.seg"));
  await worker.drain();
  expect(logged.join("")).toContain("its segments could not be deleted");
});
