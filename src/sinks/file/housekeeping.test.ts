import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { endOfHourMs, folderOf } from "../../formats/hour-folders.ts";
import { Housekeeping, orphansOf } from "./housekeeping.ts";
import { finalName, partialName } from "./layout.ts";
import { createFileSinkMetrics } from "./metrics.ts";

const HOUR_MS = 3_600_000;
const HOUR = 490_000;

async function folder() {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-housekeeping-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return {
    dir,
    async write(writer: string, hour: number, bytes = 10, name = finalName) {
      const file = name({ writer, firstPosition: 1, uuid: randomUUID(), format: "ndjson", compression: "none" });
      await mkdir(path.join(dir, folderOf(hour)), { recursive: true });
      await writeFile(path.join(dir, folderOf(hour), file), "x".repeat(bytes));
    },
    /** The writers whose files are left. */
    async writers(): Promise<string[]> {
      const names = await readdir(dir, { recursive: true });
      return names.flatMap((name) => /([^/]+)-\d{12}-/.exec(name)?.[1] ?? []).toSorted((a, b) => (a < b ? -1 : 1));
    },
    open: (retention: { maxAgeMs: number; maxBytes: number }) =>
      new Housekeeping({
        sink: "files",
        dir,
        writer: "node-0",
        orphans: orphansOf("node"),
        retention,
        metrics: createFileSinkMetrics(new Registry()),
        log: pino({ level: "silent" }),
      }),
  };
}

test("by age go the node's own files, those of its other slots and those of replays, and nobody else's", async () => {
  const files = await folder();
  for (const writer of ["node-0", "node-7", "node-replay-night", "other-0", "node-b-0", "xnode-1"])
    await files.write(writer, HOUR);
  await files.write("node-7", HOUR + 5);
  await files.write("node-7", HOUR, 10, partialName);
  const housekeeping = files.open({ maxAgeMs: HOUR_MS, maxBytes: 0 });
  await housekeeping.recover();
  await housekeeping.adopt();
  await housekeeping.deleteExpired(endOfHourMs(HOUR) + HOUR_MS - 1);
  expect(await files.writers()).toHaveLength(8);
  await housekeeping.deleteExpired(endOfHourMs(HOUR) + HOUR_MS);
  expect(await files.writers()).toEqual([".node-7", "node-7", "node-b-0", "other-0", "xnode-1"]);
});

test("by bytes go the oldest of the node's own files and those of replays together, also after a restart and of a replay that came later", async () => {
  const files = await folder();
  await files.write("node-0", HOUR, 60);
  await files.write("node-7", HOUR - 1, 60);
  const housekeeping = files.open({ maxAgeMs: 0, maxBytes: 100 });
  await housekeeping.recover();
  await housekeeping.adopt();
  await housekeeping.deleteExpired(0);
  expect(await files.writers()).toEqual(["node-0", "node-7"]);
  await files.write("node-replay-night", HOUR + 1, 60);
  await housekeeping.adopt();
  await housekeeping.adopt();
  await housekeeping.deleteExpired(0);
  expect(await files.writers()).toEqual(["node-7", "node-replay-night"]);
});
