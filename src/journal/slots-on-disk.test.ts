import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./journal-fixture.ts";
import { filesToDeliver, removeSegments, slotsOnDisk } from "./slots-on-disk.ts";

const FIRST = "0000000000000000.seg";
const SECOND = "0000000000000010.seg";

async function slotWith(directory: string, names: readonly string[]): Promise<void> {
  await mkdir(join(directory, "0"));
  for (const name of names) await writeFile(join(directory, "0", name), name);
}

test("a slot whose only segment is a copy that a crash has left under its first name is one to empty, and is emptied", async () => {
  using directory = temporaryDirectory();
  const config = { dir: directory.path };
  await slotWith(directory.path, ["checkpoint.json", `${FIRST}.salvage`]);
  expect(await slotsOnDisk(config)).toEqual([{ slot: "0", hasSegments: true }]);
  await removeSegments(config, "0");
  expect(await readdir(join(directory.path, "0"))).toEqual(["checkpoint.json"]);
  expect(await slotsOnDisk(config)).toEqual([{ slot: "0", hasSegments: false }]);
});

test("a journal whose directory is a file is refused with what to do", async () => {
  using directory = temporaryDirectory();
  const dir = join(directory.path, "journal");
  await writeFile(dir, "");
  await expect(slotsOnDisk({ dir })).rejects.toMatchObject({
    code: "journal_unusable",
    message: expect.stringContaining("set journal.dir"),
  });
});

test("a copy that took the place of a damaged segment is delivered under the name of the segment, and one that is unfinished is not", async () => {
  using directory = temporaryDirectory();
  await slotWith(directory.path, ["checkpoint.json", FIRST, `${FIRST}.salvage`, `${SECOND}.salvage`]);
  const files = await filesToDeliver({ dir: directory.path }, "0", 0);
  expect(files.map(({ name, path }) => [name, path.slice(directory.path.length + 3)])).toEqual([
    [FIRST, FIRST],
    [SECOND, `${SECOND}.salvage`],
    ["checkpoint.json", "checkpoint.json"],
  ]);
});
