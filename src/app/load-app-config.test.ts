import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { loadAppConfig } from "./load-app-config.ts";

test("no two parts may keep their files in one directory, however it is written", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-config-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(dir, { recursive: true }));
  const file = path.join(dir, "millrace.yaml");
  await writeFile(
    file,
    `sources: [{ name: web, keys: [wk_test] }]
quarantine: { dir: ./rejects }
deadLetters: { dir: other/../rejects/ }
sinks:
  - { name: a, type: file, dir: ./events }
  - { name: b, type: file, dir: ${dir}/events/ }
  - { name: c, type: file, dir: ./events/c }
`,
  );
  const loaded = await loadAppConfig({ file, cwd: dir, env: {} });
  expect(loaded.kind === "problems" && loaded.problems).toMatchObject([
    { line: 3, path: "deadLetters.dir", message: expect.stringContaining("the directory of the quarantine") },
    { line: 6, path: "sinks[1].dir", message: expect.stringContaining("the directory of sink a") },
  ]);
});

test("a directory that is a file or lies below one, and one that is the journal's, is found before the start", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-config-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(dir, { recursive: true }));
  const file = path.join(dir, "millrace.yaml");
  await writeFile(path.join(dir, "plain"), "");
  await writeFile(
    file,
    `sources: [{ name: web, keys: [wk_test] }]
journal: { dir: ./plain }
quarantine: { dir: ./plain/rejects }
deadLetters: { dir: ./plain }
sinks: [{ name: a, type: file, dir: ./not/there/yet }]
`,
  );
  const loaded = await loadAppConfig({ file, cwd: dir, env: {} });
  expect(loaded.kind === "problems" && loaded.problems).toMatchObject([
    { path: "deadLetters.dir", message: expect.stringContaining("the directory of the journal") },
    { line: 2, path: "journal.dir", message: expect.stringContaining("is a file and no directory") },
    { line: 3, path: "quarantine.dir", message: expect.stringContaining(`lies below ${dir}/plain, which is a file`) },
    { line: 4, path: "deadLetters.dir", message: expect.stringContaining("is a file") },
  ]);
});
