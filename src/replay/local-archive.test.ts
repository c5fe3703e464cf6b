import { mkdir, mkdtempDisposable, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { localArchive } from "./local-archive.ts";
import { ALL_TIME } from "./time-range.ts";

test("links to nowhere, to themselves and to devices are no files, and keep none from being read", async () => {
  await using archive = await mkdtempDisposable(path.join(tmpdir(), "millrace-archive-"));
  const hour = path.join(archive.path, "dt=2026-11-27", "hour=07");
  await mkdir(path.join(hour, "folder.ndjson"), { recursive: true });
  await writeFile(path.join(hour, "node.ndjson"), "{}\n");
  await symlink(path.join(hour, "loop.ndjson"), path.join(hour, "loop.ndjson"));
  await symlink(path.join(hour, "gone.ndjson"), path.join(hour, "dangling.ndjson"));
  await symlink("/dev/null", path.join(hour, "device.ndjson"));
  const files = await localArchive(archive.path, ALL_TIME);
  expect(files.map((file) => file.path)).toEqual(["dt=2026-11-27/hour=07/node.ndjson"]);
});
