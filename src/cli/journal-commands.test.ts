import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

/** Three events, of which the sink `stream` has had the first; see the fixture. */
const FIXTURE = new URL("../journal/fixtures/format-1.json", import.meta.url);

const CONFIG = `
journal: { dir: ./journal }
sources: [{ name: web, keys: [wk_1] }]
sinks: [{ name: stream, type: file, dir: ./events }]
`;

/** A folder with a configuration and a journal that has the given slots. */
async function workFolder(...slots: string[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, "millrace.yaml"), CONFIG);
  const { files } = JSON.parse(await readFile(FIXTURE, "utf8")) as { files: Record<string, string> };
  for (const slot of slots) {
    await mkdir(path.join(folder, "journal", slot), { recursive: true });
    for (const [name, base64] of Object.entries(files))
      await writeFile(path.join(folder, "journal", slot, name), Buffer.from(base64, "base64"));
  }
  return folder;
}

async function millrace(cwd: string, ...args: string[]) {
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY: true });
  const exitCode = await runCli(args, { stdin: Readable.from([]), stdout, stderr, env: {}, cwd });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

/** Overwrites a byte in the second event. */
async function damage(folder: string, slot: string): Promise<void> {
  const file = path.join(folder, "journal", slot, "0000000000000000.seg");
  const bytes = await readFile(file);
  bytes.write("X", bytes.indexOf("checkout"));
  await writeFile(file, bytes);
}

test("inspect tells of each slot what it holds, who has it, and how the last process ended", async () => {
  const folder = await workFolder("0", "1");
  const { exitCode, stdout } = await millrace(folder, "journal", "inspect");
  expect(exitCode).toBe(EXIT.ok);
  expect(stdout).toContain("journal/0\n");
  expect(stdout).toContain("journal/1\n");
  expect(stdout).toMatch(/process +none; the last one ended cleanly/);
  expect(stdout).toMatch(/segments +1, \d+ B, format 1/);
  expect(stdout).toMatch(/positions +0 up to 3/);
  expect(stdout).toMatch(/checkpoint +counts all events, up to 3/);
  expect(stdout).toMatch(/sink stream +holds 2 events, cursor 1/);
  expect(stdout).toMatch(/damaged\/ +nothing/);
});

test("inspect prints the same as JSON, for one slot if asked to", async () => {
  const folder = await workFolder("0", "1");
  const { stdout } = await millrace(folder, "journal", "inspect", "--slot", "1", "--json");
  expect(JSON.parse(stdout)).toMatchObject([
    {
      directory: path.join(folder, "journal", "1"),
      ended: "cleanly",
      first: 0,
      end: 3,
      segments: [{ name: "0000000000000000.seg", header: "ok", version: 1 }],
      checkpoint: { state: "sound", countedTo: 3, sinks: [{ sink: "stream", cursor: 1, held: 2 }] },
      damaged: [],
    },
  ]);
});

test("verify exits with 0 when all is sound, and with 1 and the place when something is damaged", async () => {
  const folder = await workFolder("0", "1");
  const sound = await millrace(folder, "journal", "verify");
  expect(sound.exitCode).toBe(EXIT.ok);
  expect(sound.stdout).toContain("journal/1: sound");
  await damage(folder, "1");
  const damaged = await millrace(folder, "journal", "verify");
  expect(damaged.exitCode).toBe(EXIT.failed);
  expect(damaged.stdout).toContain("journal/0: sound");
  expect(damaged.stdout).toContain("journal/1: damaged");
  expect(damaged.stdout).toMatch(/sink stream +has to get 2 events, and 1 are missing/);
  expect(damaged.stdout).toMatch(
    /0{16}\.seg +no record can be read here \(offset \d+, \d+ bytes\); position 1 is missing/,
  );
  expect((await millrace(folder, "journal", "verify", "--slot", "0")).exitCode).toBe(EXIT.ok);
  const json = await millrace(folder, "journal", "verify", "--slot", "1", "--json");
  expect(json.exitCode).toBe(EXIT.failed);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { sound: false, events: 2, damage: [{ file: "0000000000000000.seg", positions: [1, 2] }], sinks: [{ missing: 1 }] },
  ]);
});

test("verify shows how far it is once it takes more than a second, and takes that away again at the end", async () => {
  const folder = await workFolder("0");
  expect((await millrace(folder, "journal", "verify")).stderr).toBe("");
  let nowMs = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 700));
  onTestFinished(() => clock.mockRestore());
  const { stderr } = await millrace(folder, "journal", "verify");
  expect(stderr).toMatch(/journal\/0: \d+ B of 2\d\d B read/);
  expect(stderr.endsWith("\r\u001b[K")).toBe(true);
});

test("both take a slot's directory, a journal's, or a lifeboat, whose files are compared with its manifest", async () => {
  const folder = await workFolder("0");
  expect((await millrace(folder, "journal", "verify", "journal/0")).stdout).toContain("journal/0: sound");
  expect((await millrace(folder, "journal", "inspect", "journal")).stdout).toContain("journal/0\n");

  await cp(path.join(folder, "journal", "0"), path.join(folder, "boat"), { recursive: true });
  const manifest = {
    version: 1,
    node: "a",
    slot: "0",
    madeAt: "2026-11-25T03:04:05Z",
    held: { stream: 2 },
    files: [
      { name: "checkpoint.json", bytes: 1, sha256: "0".repeat(64) },
      { name: "0000000000000077.seg", bytes: 1, sha256: "0".repeat(64) },
    ],
  };
  await writeFile(path.join(folder, "boat", "manifest.json"), JSON.stringify(manifest));
  const { exitCode, stdout } = await millrace(folder, "journal", "verify", "boat");
  expect(exitCode).toBe(EXIT.failed);
  expect(stdout).toMatch(/checkpoint\.json +is not what the manifest says/);
  expect(stdout).toMatch(/0{14}77\.seg +is in the manifest, and not there/);
});

test("a slot, a directory or a configuration that is not there is said to be so", async () => {
  const folder = await workFolder("0");
  const none = await millrace(folder, "journal", "inspect", "--slot", "7");
  expect([none.exitCode, none.stderr]).toEqual([EXIT.usage, expect.stringContaining("has no slot 7; it has 0")]);
  const nowhere = await millrace(folder, "journal", "verify", "nowhere");
  expect([nowhere.exitCode, nowhere.stderr]).toEqual([EXIT.failed, expect.stringContaining("ENOENT")]);
  for (const command of ["inspect", "verify"]) {
    const both = await millrace(folder, "journal", command, "journal/0", "--slot", "1");
    expect([both.exitCode, both.stderr]).toEqual([EXIT.usage, expect.stringContaining("journal/0 is a slot itself")]);
  }
  const config = await millrace(folder, "journal", "verify", "--config", "none.yaml");
  expect(config.exitCode).toBe(EXIT.configInvalid);
  const empty = await millrace(await workFolder(), "journal", "inspect");
  expect([empty.exitCode, empty.stdout]).toEqual([EXIT.ok, "The journal has no slots yet.\n"]);
});

test("import takes no region and no endpoint where the lifeboats are in a directory", async () => {
  const folder = await workFolder();
  const named = await millrace(folder, "journal", "import", ".", "--region", "eu-west-1");
  expect([named.exitCode, named.stderr]).toEqual([EXIT.usage, expect.stringContaining(". is a directory")]);
  await writeFile(path.join(folder, "boats.yaml"), `${CONFIG}shutdown: { lifeboat: { dir: ./boats } }`);
  const args = ["journal", "import", "--list", "--config", "boats.yaml", "--endpoint", "http://127.0.0.1:1"];
  const configured = await millrace(folder, ...args);
  expect([configured.exitCode, configured.stderr]).toEqual([EXIT.usage, expect.stringContaining("is a directory")]);
});

test("import takes the region and the endpoint of the command line before those of the configuration", async () => {
  const asked: string[] = [];
  await using service = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.end("<ListBucketResult></ListBucketResult>");
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  const folder = await workFolder();
  const bucket = "shutdown: { lifeboat: { s3: { bucket: boats, region: us-east-1, endpoint: 'http://127.0.0.1:1' } } }";
  await writeFile(path.join(folder, "boats.yaml"), `${CONFIG}${bucket}`);
  const endpoint = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const place = ["--region", "eu-west-1", "--endpoint", endpoint];
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { exitCode, stdout } = await millrace(folder, "journal", "import", "--list", "-c", "boats.yaml", ...place);
  expect([exitCode, stdout]).toEqual([EXIT.ok, expect.stringContaining("There are no lifeboats")]);
  expect(asked[0]).toMatch(/^\/boats.*\/eu-west-1\/s3\//);
});

test("a folder that holds no slot is none, and one that is named is refused unless it holds some", async () => {
  const folder = await workFolder("0");
  await mkdir(path.join(folder, "journal", "systemd"));
  await writeFile(path.join(folder, "journal", "systemd", "reserve"), "");
  const some = await millrace(folder, "journal", "verify", "journal", "--json");
  expect(JSON.parse(some.stdout)).toHaveLength(1);
  for (const named of [".", "journal/systemd"]) {
    for (const command of ["verify", "inspect"]) {
      const none = await millrace(folder, "journal", command, named);
      expect(none.exitCode, `${command} ${named}`).toBe(EXIT.failed);
      expect(none.stderr).toContain("holds no journal");
    }
  }
  await rm(path.join(folder, "journal"), { recursive: true });
  expect((await millrace(folder, "journal", "verify")).exitCode).toBe(EXIT.ok);
});
