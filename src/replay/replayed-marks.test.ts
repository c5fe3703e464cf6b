import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ReplayedMarks } from "./replayed-marks.ts";

const FILE = "20261123T070000/0-20261123T070000-1.ndjson";
const OTHER = "20261124T070000/replay-night-20261124T070000-1.ndjson";

async function folder(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-marks-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return path.join(dir, "replayed/dead-letters");
}

test("marks are there again after a restart, and go with the file that they are about", async () => {
  const dir = await folder();
  const marks = await ReplayedMarks.open(dir, [FILE, OTHER]);
  marks.add(FILE, 0);
  marks.add(FILE, 170);
  marks.add(OTHER, 5);
  await Promise.all([marks.save(), marks.save()]);
  const next = await ReplayedMarks.open(dir, [FILE, OTHER]);
  expect([0, 170, 5].map((line) => next.has(FILE, line))).toEqual([true, true, false]);
  expect(next.has(OTHER, 5)).toBe(true);
  await ReplayedMarks.open(dir, [OTHER]);
  expect(await readdir(dir)).toEqual(["replay-night-20261124T070000-1.replayed.json"]);
});

test("marks that are damaged are told, and not taken for none", async () => {
  const dir = await folder();
  const marks = await ReplayedMarks.open(dir, [FILE]);
  marks.add(FILE, 0);
  await marks.save();
  await writeFile(path.join(dir, "0-20261123T070000-1.replayed.json"), "{");
  await expect(ReplayedMarks.open(dir, [FILE])).rejects.toThrow("damaged");
});
