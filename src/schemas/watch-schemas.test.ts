import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { watchSchemas } from "./watch-schemas.ts";

test("a file that is added, changed or removed is noticed, and nothing after the watch has ended", async () => {
  const dir = await mkdtemp(join(tmpdir(), "millrace-watch-"));
  try {
    let changes = 0;
    const file = join(dir, "a.json");
    const watch = watchSchemas(dir, () => void changes++, { settleMs: 5, pollMs: 20 });
    for (const change of [
      () => writeFile(file, "{}"),
      () => writeFile(file, "true"),
      () => rm(file, { force: true }),
    ]) {
      const before = changes;
      const made = async () => {
        // Again if need be: the first may come before the watch has looked at all.
        if (changes === before) await change();
        return changes;
      };
      await expect.poll(made, { timeout: 10_000, interval: 500 }).toBeGreaterThan(before);
    }
    await watch[Symbol.asyncDispose]();
    const before = changes;
    await writeFile(file, "{}");
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    expect(changes).toBe(before);
  } finally {
    await rm(dir, { recursive: true });
  }
});
