import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./journal-fixture.ts";
import { makeReplayToken, readReplayToken } from "./replay-token.ts";

test("the workers of a journal have one token, which stays and which only its user may read", async () => {
  using directory = temporaryDirectory();
  const dir = join(directory.path, "journal");
  expect(await readReplayToken({ dir })).toBeUndefined();
  const tokens = await Promise.all([1, 2, 3, 4].map(() => makeReplayToken({ dir })));
  expect(new Set([...tokens, await readReplayToken({ dir }), await makeReplayToken({ dir })]).size).toBe(1);
  expect(await readdir(dir)).toEqual(["replay-token"]);
  expect((await stat(join(dir, "replay-token"))).mode & 0o777).toBe(0o600);
  await writeFile(join(dir, "replay-token"), "damaged");
  expect(await readReplayToken({ dir })).toBeUndefined();
  expect(await makeReplayToken({ dir })).toMatch(/^[0-9a-f]{64}$/);
});
