import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { openTestJournal, readAll, temporaryDirectory } from "./journal-fixture.ts";
import { lockSlot } from "./slot-lock.ts";

/** A process that runs a script with the modules of this folder, and prints a line when something happened. */
function start(script: string, directory: string): ChildProcess {
  const imports = ["journal-fixture", "slot-lock"].map((name) => {
    const url = new URL(`./${name}.ts`, import.meta.url).href;
    return `const { ${name === "slot-lock" ? "lockSlot" : "openTestJournal, draftOf"} } = await import(${JSON.stringify(url)});`;
  });
  const code = `${imports.join("\n")}\nconst dir = ${JSON.stringify(directory)};\n${script}`;
  return spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: ["ignore", "pipe", "inherit"] });
}

async function linesUntil(child: ChildProcess, enough: (lines: string[]) => boolean): Promise<string[]> {
  const lines: string[] = [];
  if (child.stdout === null) throw new Error("the child has an output");
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (enough(lines)) child.kill("SIGKILL");
  }
  return lines;
}

test("kill -9 under load loses no acknowledged event", async () => {
  using directory = temporaryDirectory();
  const child = start(
    `const { journal } = await openTestJournal({ config: { dir, segmentBytes: 65536 } });
     for (let turn = 0; turn < 100000; turn++) {
       const drafts = Array.from({ length: 20 }, (_, at) => draftOf("event-" + turn + "-" + at, 400));
       const first = await journal.append(drafts, "written");
       process.stdout.write(first + " " + drafts.map((draft) => draft.id).join() + "\\n");
     }`,
    directory.path,
  );
  const lines = await linesUntil(child, (seen) => seen.length === 200);
  const { journal } = await openTestJournal({ config: { dir: directory.path } });
  const found = new Map(
    (await readAll(journal, journal.reader(0), 1_000, 1e6)).map((event) => [event.position, event.id]),
  );
  // The last line may have been cut by the kill.
  for (const line of lines.slice(0, -1)) {
    const [first, ids] = line.split(" ");
    for (const [at, id] of (ids ?? "").split(",").entries()) expect(found.get(Number(first) + at)).toBe(id);
  }
  expect(lines.length).toBeGreaterThanOrEqual(200);
  await journal.close();
});

test("a slot that another process has is refused by its process id, and free again after kill -9", async () => {
  using directory = temporaryDirectory();
  const child = start(
    `await lockSlot({ dir }, "0"); console.log("locked"); setInterval(() => {}, 1000);`,
    directory.path,
  );
  if (child.stdout === null) throw new Error("the child has an output");
  await once(child.stdout, "data");
  const refused = lockSlot({ dir: directory.path }, "0");
  await expect(refused).rejects.toThrow(`process ${child.pid}.`);
  await expect(refused).rejects.toMatchObject({ code: "journal_locked" });
  const other = await lockSlot({ dir: directory.path }, "1");
  await other.release();
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = await lockSlot({ dir: directory.path }, "0");
  await lock.release();
});

test("a slot cannot be locked twice within a process, until it is released", async () => {
  using directory = temporaryDirectory();
  const lock = await lockSlot({ dir: directory.path }, "0");
  await expect(lockSlot({ dir: directory.path }, "0")).rejects.toMatchObject({ code: "journal_locked" });
  await lock.release();
  await lock.release();
  const again = await lockSlot({ dir: directory.path }, "0");
  await again.release();
});
