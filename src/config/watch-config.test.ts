import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { watchConfig } from "./watch-config.ts";

const PATIENCE = { timeout: 5_000, interval: 10 };

async function temporaryFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-watch-"));
  return {
    at: (name: string) => path.join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Counts changes. It looks by itself only every `pollMs`, so that a prompt answer shows the notification. */
async function watched(file: string, pollMs = 60_000) {
  let changes = 0;
  const watch = watchConfig(file, () => void changes++, { settleMs: 20, pollMs });
  // The content it starts from has been read by then.
  await setTimeout(50);
  return { changes: () => changes, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() };
}

test("a file that is written, or replaced by another as editors do, is noticed", async () => {
  await using folder = await temporaryFolder();
  const file = folder.at("millrace.yaml");
  await writeFile(file, "a");
  await using watch = await watched(file);
  await writeFile(file, "b");
  await expect.poll(watch.changes, PATIENCE).toBe(1);
  await writeFile(folder.at("new"), "c");
  await rename(folder.at("new"), file);
  await expect.poll(watch.changes, PATIENCE).toBe(2);
});

test("a symbolic link swapped beside the file, as Kubernetes does, is noticed", async () => {
  await using folder = await temporaryFolder();
  for (const version of ["v1", "v2"]) {
    await mkdir(folder.at(version));
    await writeFile(folder.at(`${version}/millrace.yaml`), version);
  }
  await symlink("v1", folder.at("..data"));
  await symlink("..data/millrace.yaml", folder.at("millrace.yaml"));
  await using watch = await watched(folder.at("millrace.yaml"));
  await symlink("v2", folder.at("..data_tmp"));
  await rename(folder.at("..data_tmp"), folder.at("..data"));
  await expect.poll(watch.changes, PATIENCE).toBe(1);
});

test("a change that nothing tells of is found by polling", async () => {
  await using folder = await temporaryFolder();
  // A link into another folder: changes there are not notified here.
  await mkdir(folder.at("elsewhere"));
  await writeFile(folder.at("elsewhere/real.yaml"), "a");
  await symlink("elsewhere/real.yaml", folder.at("millrace.yaml"));
  await using watch = await watched(folder.at("millrace.yaml"), 20);
  await writeFile(folder.at("elsewhere/real.yaml"), "b");
  await expect.poll(watch.changes, PATIENCE).toBe(1);
});

test("writing the same content again, or another file beside it, is no change", async () => {
  await using folder = await temporaryFolder();
  const file = folder.at("millrace.yaml");
  await writeFile(file, "a");
  await using watch = await watched(file, 10);
  await writeFile(file, "a");
  await writeFile(folder.at("other.log"), "x");
  await setTimeout(150);
  expect(watch.changes()).toBe(0);
});

test("disposing waits for the call that is under way, and there are none after it", async () => {
  await using folder = await temporaryFolder();
  const file = folder.at("millrace.yaml");
  await writeFile(file, "a");
  const steps: string[] = [];
  const watch = watchConfig(
    file,
    async () => {
      steps.push("begun");
      await setTimeout(50);
      steps.push("ended");
    },
    { settleMs: 10, pollMs: 10 },
  );
  await setTimeout(50);
  await writeFile(file, "b");
  await expect.poll(() => steps, PATIENCE).toContain("begun");
  await writeFile(file, "c");
  await watch[Symbol.asyncDispose]();
  expect(steps).toEqual(["begun", "ended"]);
});
