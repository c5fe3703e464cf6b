import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { rejectLogConfig } from "./config.ts";
import { silent, temporaryDirectory } from "./journal-fixture.ts";
import { openRejectLog } from "./reject-log-files.ts";
import { lockSlot } from "./slot-lock.ts";

test("a file where a directory belongs is named, for the journal, the quarantine and what lies below", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "file");
  await writeFile(file, "");
  const problem = {
    code: "journal_unusable",
    message: expect.stringContaining(`${file} is a file and no directory. Move it away, or set`),
  };
  await expect(lockSlot({ dir: file }, "0")).rejects.toMatchObject(problem);
  for (const dir of [file, join(file, "below", "it")]) {
    const config = rejectLogConfig(dir).parse(undefined);
    const opened = openRejectLog({
      name: "quarantine",
      slot: "0",
      config,
      durability: "os",
      clock: systemClock,
      log: silent,
    });
    await expect(opened).rejects.toMatchObject(problem);
  }
});
