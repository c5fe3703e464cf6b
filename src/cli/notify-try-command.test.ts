import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

const CONFIG = `
sources: [{ name: web, keys: [wk_1] }]
sinks:
  - name: alerts
    type: notify
    when: source == "web"
    rules:
      - { name: js-errors, when: data.level == "error", groupBy: [/data/release], moreThan: 2, withinMs: 60000 }
      - { name: silence, when: "true", lessThan: 1 }
    channels: [{ name: chat, type: slack, url: "http://127.0.0.1:9/" }]
`;

async function tryOn(lines: readonly string[], ...args: string[]) {
  const cwd = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  await writeFile(path.join(cwd, "millrace.yaml"), CONFIG);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = Readable.from([lines.join("\n")]);
  const exitCode = await runCli(["notify", "try", ...args], { stdin, stdout, stderr, env: {}, cwd });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

const START_MS = Date.parse("2026-11-27T12:00:00Z");

function event(second: number, change: object = {}): string {
  const receivedtime = new Date(START_MS + second * 1_000).toISOString();
  const data = { level: "error", release: "A" };
  return JSON.stringify({
    id: "e1",
    type: "js",
    source: "web",
    time: "2020-01-01T00:00:00Z",
    receivedtime,
    data,
    ...change,
  });
}

test("past events show what would have been told when, by when they were received", async () => {
  const lines = [
    ...[0, 1, 2].map((second) => event(second)),
    event(3, { source: "app" }),
    event(4, { data: { release: "A" } }),
    "not an event",
    event(86_400),
  ];
  const { exitCode, stdout, stderr } = await tryOn(lines);
  expect(exitCode).toBe(EXIT.ok);
  expect(stdout.trim().split("\n")).toEqual([
    '2026-11-27T12:00:03.000Z  firing    js-errors  /data/release = "A"  3 events within 1 min (alert: more than 2)',
    '2026-11-27T12:02:00.000Z  resolved  js-errors  /data/release = "A"  0 events within 1 min (alert: more than 2)',
  ]);
  expect(stderr).toContain(
    "6 events; lines that are no event with a type and a time: 1; rule js-errors had no answer for 1.",
  );
});

test("with --json it is an alert a line, up to the last event", async () => {
  const { stdout } = await tryOn(
    [0, 0, 0].map((second) => event(second)),
    "--json",
  );
  expect(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object),
  ).toMatchObject([
    { at: "2026-11-27T12:00:00.000Z", status: "firing", rule: "js-errors", group: { "/data/release": "A" }, value: 3 },
  ]);
});

test("files are read as sinks write them, compressed or not, one after the other", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const files = ["1.ndjson", "2.ndjson.gz", "3.ndjson.zst"].map((name) => path.join(dir, name));
  const [plain = "", gzip = "", zstd = ""] = files;
  await writeFile(plain, event(0));
  await writeFile(gzip, gzipSync(`${event(1)}\n`));
  await writeFile(zstd, zstdCompressSync(`${event(2)}\n`));
  const { exitCode, stdout, stderr } = await tryOn([], ...files);
  expect({ exitCode, stderr }).toEqual({ exitCode: EXIT.ok, stderr: "3 events.\n" });
  expect(stdout).toContain("3 events within 1 min (alert: more than 2)");
});

test("Parquet is refused with what to give instead", async () => {
  const { exitCode, stderr } = await tryOn([], "data/columns/1.parquet");
  expect(exitCode).toBe(EXIT.usage);
  expect(stderr).toContain("is Parquet, which is not read here: give the files of an NDJSON sink");
});
