import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
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
  - { name: d, type: stdout, oversize: { to: claimCheck, dir: events } }
  - { name: e, type: stdout, oversize: { to: claimCheck, dir: claims } }
  - { name: f, type: stdout, oversize: { to: claimCheck, dir: ./claims } }
  - { name: g, type: file, dir: ./rejects }
`,
  );
  const loaded = await loadAppConfig({ file, cwd: dir, env: {} });
  expect(loaded.kind === "problems" && loaded.problems).toMatchObject([
    { line: 3, path: "deadLetters.dir", message: expect.stringContaining("the directory of the quarantine") },
    { line: 6, path: "sinks[1].dir", message: expect.stringContaining("the directory of sink a") },
    { line: 11, path: "sinks[6].dir", message: expect.stringContaining("the directory of the dead letters") },
    { line: 8, path: "sinks[3].oversize.dir", message: expect.stringContaining("the directory of sink b") },
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

test("a geo database that is missing or broken is a problem of its line, and a good one is found beside the configuration", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-config-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(dir, { recursive: true }));
  const file = path.join(dir, "millrace.yaml");
  await writeFile(path.join(dir, "broken.mmdb"), "not a database");
  await copyFile(
    path.join(import.meta.dirname, "../ingest/enrichment/fixtures/city.mmdb"),
    path.join(dir, "city.mmdb"),
  );
  await writeFile(
    file,
    `sinks: [{ name: a, type: file, dir: ./events }]
sources:
  - { name: a, keys: [wk_a], geo: { file: ./missing.mmdb } }
  - { name: b, keys: [wk_b], geo: { file: broken.mmdb } }
  - { name: c, keys: [wk_c], geo: { file: city.mmdb } }
`,
  );
  const loaded = await loadAppConfig({ file, cwd: "/", env: {} });
  expect(loaded.kind === "problems" && loaded.problems).toMatchObject([
    { line: 3, path: "sources[0].geo.file", message: expect.stringContaining(`${dir}/missing.mmdb cannot be read`) },
    { line: 4, path: "sources[1].geo.file", message: expect.stringContaining("not a whole MaxMind database") },
  ]);
});
