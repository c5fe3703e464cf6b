import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { loadJson, saveJson } from "./saved-json.ts";

test("what is saved is read again, and a place that takes nothing is told as such", async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), "millrace-saved-"));
  const file = path.join(folder.path, "run", "state.json");
  await saveJson(file, { n: 1 });
  await saveJson(file, { n: 2 });
  expect(await loadJson(file)).toEqual({ n: 2 });
  await writeFile(path.join(folder.path, "taken"), "");
  await expect(saveJson(path.join(folder.path, "taken", "state.json"), {})).rejects.toMatchObject({
    code: "replay_unusable",
    message: expect.stringContaining("--state-dir"),
  });
});
