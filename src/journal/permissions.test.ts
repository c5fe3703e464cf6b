import { spawn } from "node:child_process";
import { chmod, chown } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "./journal-fixture.ts";

/** A user that is nobody's: root may do what no permission allows. */
const NOBODY = 65_534;

const isRoot = process.getuid?.() === 0;

const url = (name: string) => JSON.stringify(new URL(`./${name}.ts`, import.meta.url).href);

/** A process of an ordinary user with the modules of this folder. It prints a line for each one it is sent. */
function start(script: string) {
  const code = `
    const { openTestJournal, draftOf } = await import(${url("journal-fixture")});
    const { lockSlot } = await import(${url("slot-lock")});
    const codeOf = (error) => error.code + " " + error.message;
    ${script}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], {
    stdio: ["pipe", "pipe", "inherit"],
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (line = "") => {
    child.stdin.write(`${line}\n`);
    return (await lines.next()).value as unknown;
  };
}

test("permissions that are taken away while the journal is written to refuse events until they are given back", async () => {
  using directory = temporaryDirectory();
  if (isRoot) await chown(directory.path, NOBODY, NOBODY);
  const ask = start(`
    const { createInterface } = await import("node:readline");
    const dir = ${JSON.stringify(directory.path)};
    const { journal } = await openTestJournal({ config: { dir, segmentBytes: 65536 } });
    for await (const _ of createInterface({ input: process.stdin })) {
      // More than a segment: a new file has to be made.
      const drafts = Array.from({ length: 4 }, () => draftOf("event", 30000));
      console.log(await journal.append(drafts, "written").catch(codeOf));
    }`);
  expect(await ask()).toBe("0");
  await chmod(join(directory.path, "0"), 0o500);
  expect(await ask()).toBe("journal_write_failed the journal could not be written: EACCES");
  await chmod(join(directory.path, "0"), 0o700);
  expect(await ask()).toBe("4");
});

test("a journal that may not be read or written is refused at the start, with what to do", async () => {
  using directory = temporaryDirectory();
  await chmod(directory.path, 0o555);
  if (isRoot) await chown(directory.path, NOBODY, NOBODY);
  const ask = start(`
    const dir = ${JSON.stringify(directory.path)};
    console.log(await lockSlot({ dir }, "0").catch(codeOf));
    console.log(await openTestJournal({ config: { dir } }).catch(codeOf));`);
  for (const asked of [await ask(), await ask()]) {
    expect(asked).toMatch(/^journal_unusable .*permission denied.*Make the directory readable and writable/);
  }
});
