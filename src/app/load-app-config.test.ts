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
