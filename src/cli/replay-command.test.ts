import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

/** Three events, of which the sink `stream` has had the first. */
const FIXTURE = new URL("../journal/fixtures/format-1.json", import.meta.url);

const CONFIG = `
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
listen: { port: 0 }
sources: [{ name: web, keys: [wk_1] }]
sinks:
  - { name: stream, type: file, dir: ./events }
  - { name: copy, type: file, dir: ./copy }
  - { name: ram, type: memory }
`;

async function workFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-replay-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, "millrace.yaml"), CONFIG);
  const { files } = JSON.parse(await readFile(FIXTURE, "utf8")) as { files: Record<string, string> };
  await mkdir(path.join(folder, "data/journal/0"), { recursive: true });
  for (const [name, base64] of Object.entries(files))
    await writeFile(path.join(folder, "data/journal/0", name), Buffer.from(base64, "base64"));
  return folder;
}

async function millrace(cwd: string, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await runCli(args, { stdin: Readable.from([]), stdout, stderr, env: {}, cwd });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

test("of the journal a sink gets what it has had, and not what the collector has still to deliver to it", async () => {
  const folder = await workFolder();
  // As a collector leaves it that is just writing.
  await appendFile(path.join(folder, "data/journal/0/0000000000000000.seg"), Buffer.from([0, 0x4d, 0x52, 2, 9]));
  const had = await millrace(folder, "replay", "--from", "journal", "--to", "stream", "--json");
  expect(JSON.parse(had.stdout)).toMatchObject({
    replays: [{ ledger: { read: 3, delivered: 1, skipped: { still_owed: 2 }, notSent: 0 } }],
  });
  const all = await millrace(folder, "replay", "--from", "journal", "--to", "copy");
  expect(all.exitCode).toBe(EXIT.ok);
  expect(all.stderr).toMatch(/Replayed to copy; the ledger balances\.\n +read +3\n +delivered +3\n/);
});

test("an event is found in the journal, or is said to be nowhere", async () => {
  const folder = await workFolder();
  const journal = await millrace(folder, "replay", "--from", "journal", "--to", "copy", "--dry-run", "--json");
  expect(journal.exitCode).toBe(EXIT.ok);
  const copied = await millrace(folder, "replay", "--from", "journal", "--to", "copy");
  expect(copied.exitCode).toBe(EXIT.ok);
  const bytes = await readFile(path.join(folder, "data/journal/0/0000000000000000.seg"), "latin1");
  const id = /"id":"([^"]+)"/.exec(bytes)?.[1] ?? "";
  const found = await millrace(folder, "find", id);
  expect(found.exitCode).toBe(EXIT.ok);
  expect(found.stdout).toMatch(
    /^journal: .*0000000000000000\.seg, position \d, received .*\n {2}\{.*\}\narchive of copy: /,
  );
  const nowhere = await millrace(folder, "find", "nobody");
  expect(nowhere.exitCode).toBe(EXIT.notFound);
  expect(nowhere.stderr).toMatch(
    /There is no event nobody\. Looked through: journal, .+events, .+copy, dead-letters, quarantine\./,
  );
});

test("what makes no sense is refused before anything is sent", async () => {
  const folder = await workFolder();
  const replay = async (...args: string[]) => {
    const { exitCode, stderr } = await millrace(folder, "replay", ...args);
    return `${exitCode} ${stderr}`;
  };
  expect(await replay()).toMatch(/^2 .*--from/);
  expect(await replay("--from", "journal")).toMatch(/^2 .*--to stream, copy/);
  expect(await replay("--from", "journal", "--to", "straem")).toMatch(/^2 .*Did you mean stream/);
  expect(await replay("--from", "journal", "--to", "ram")).toMatch(/^2 .*memory/);
  expect(await replay("--from", "journal", "--to", "copy", "--again")).toMatch(/^2 .*--again/);
  expect(await replay("--from", "archive", "--to", "copy")).toMatch(
    /^2 .*say which archive: --archive SINK .*stream, copy/,
  );
  expect(await replay("--from", "archive", "--archive", "copy", "--to", "copy")).toMatch(/^2 .*there already/);
  expect(await replay("--from", "archive", "--dir", "x", "--bucket", "y", "--to", "copy")).toMatch(/^2 .*use one/);
  expect(await replay("--from", "quarantine", "--to", "copy")).toMatch(/^2 .*event port/);
  expect(await replay("--from", "quarantine")).toMatch(/^2 .*--url/);
  expect(await replay("--from", "dead-letters", "--since", "yesterday")).toMatch(/^2 .*is no time/);
  expect(await replay("--from", "dead-letters", "--since", "1h", "--until", "2h")).toMatch(/^2 .*before/);
  expect(await replay("--from", "dead-letters", "--edit", "none.yaml")).toMatch(/^3 .*edit_invalid/);
  expect(await replay("--from", "dead-letters", "--filter", "data.")).toMatch(/^3 .*filter_invalid/);
  expect(await replay("--resume", "night", "--to", "copy")).toMatch(/^2 .*leave out --to/);
  expect(await replay("--resume", "night")).toMatch(/^1 .*replay_unusable/);
  expect(await replay("--from", "dead-letters")).toMatch(/^0 There is nothing to replay/);
});
