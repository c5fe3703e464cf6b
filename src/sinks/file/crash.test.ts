import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import pino from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { readEvents } from "../../formats/parquet/read-events.ts";
import { fileConfig } from "./config.ts";
import { createFileSink } from "./sink.ts";

/** Writes batches of ten for ever, and prints the receipt of each with the first position of the batch. */
const WRITER = `
  import pino from "pino";
  import { Registry } from "prom-client";
  import { systemClock } from "${import.meta.dirname}/../../core/clock.ts";
  import { fileConfig } from "${import.meta.dirname}/config.ts";
  import { createFileSink } from "${import.meta.dirname}/sink.ts";
  const sink = createFileSink(fileConfig.parse(JSON.parse(process.argv[1])), {
    node: "node", slot: "0", clock: systemClock, registry: new Registry(), log: pino({ level: "silent" }),
  });
  for (let position = 0; ; ) {
    const batch = Array.from({ length: 10 }, (_, index) => ({
      position: position + index, id: "id", type: "t", source: "web", receivedMs: 0,
      bytes: Buffer.from(JSON.stringify({ n: position + index, pad: "x".repeat(500) })),
    }));
    const receipt = await sink.write(batch, new AbortController().signal);
    console.log(JSON.stringify({ position, receipt }));
    if (receipt.kind === "delivered") position += 10;
  }
`;

interface Report {
  readonly position: number;
  readonly receipt: { readonly kind: string };
}

/** What a crash in the middle of a write leaves at the end of a file. */
const TORN = {
  none: Buffer.from('{"torn":'),
  gzip: Buffer.from([0x1f, 0x8b, 8, 4, 0]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24]),
};

let dir = "";
let child: ChildProcess | undefined;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "millrace-file-crash-"));
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(dir, { recursive: true, force: true });
});

test.each(["none", "gzip", "zstd"] as const)(
  "kill -9 loses no delivered event, and the next start finishes the file (%s)",
  async (compression) => {
    const settings = { name: "files", type: "file", dir, compression };
    const reports = await runWriter(settings, 30);
    const delivered = reports.flatMap(({ position, receipt }) => (receipt.kind === "delivered" ? [position] : []));
    expect(delivered.length).toBeGreaterThanOrEqual(30);
    const [left = ""] = await partialFiles();
    expect(await partialFiles()).toHaveLength(1);
    await appendFile(path.join(dir, left), TORN[compression]);

    await startAndStop(settings);
    expect(await partialFiles()).toEqual([]);
    const held = await positionsHeld();
    for (const position of delivered) expect(held).toContain(position);
    expect(held, "whole batches, in order, each once").toEqual(held.map((_, index) => index));
    expect(held.length % 10).toBe(0);
  },
);

test("kill -9 loses no delivered event of files of Parquet, and the next start deletes what was not finished", async () => {
  const settings = { name: "files", type: "file", dir, format: "parquet" };
  const reports = await runWriter(settings, 20);
  const finished = (await readdir(dir, { recursive: true })).find((name) => name.endsWith(".parquet")) ?? "";
  const { dir: folder, base } = path.parse(path.join(dir, finished));
  await writeFile(path.join(folder, `.${base}.partial`), "PAR1 torn");

  await startAndStop(settings);
  expect(await partialFiles()).toEqual([]);
  const held = await positionsHeld();
  for (const { position } of reports) expect(held).toContain(position);
  expect(held, "whole batches, in order, each once").toEqual(held.map((_, index) => index));
});

test("a write that fails half way leaves nothing behind, and its retry doubles nothing", async () => {
  // A limit on the size of files stands in for a full disk: the write that reaches it is cut short.
  const reports = await runWriter({ name: "files", type: "file", dir }, 40, 64);
  const failed = reports.filter(({ receipt }) => receipt.kind !== "delivered");
  expect(failed.length).toBeGreaterThan(0);
  for (const { receipt } of failed) {
    expect(receipt).toEqual({ kind: "retryable", reason: expect.stringMatching(/^EFBIG: /) });
  }
  await startAndStop({ name: "files", type: "file", dir });
  const held = await positionsHeld();
  expect(held).toEqual(held.map((_, index) => index));
  expect(held.length).toBeGreaterThan(300);
});

test("files of another node are left as they are", async () => {
  await runWriter({ name: "files", type: "file", dir }, 1);
  const before = await partialFiles();
  await startAndStop({ name: "files", type: "file", dir }, "other");
  expect(await partialFiles()).toEqual(before);
});

/** Runs the writer until it has printed this many reports, then kills it. All reports that came through count. */
async function runWriter(settings: object, count: number, fileLimitKiB?: number): Promise<Report[]> {
  const limit = fileLimitKiB === undefined ? "" : `ulimit -f ${fileLimitKiB * 2};`;
  const script = `${limit} exec "$0" --input-type=module -e "$1" "$2"`;
  const writer = spawn("sh", ["-c", script, process.execPath, WRITER, JSON.stringify(settings)], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = writer;
  const reports: Report[] = [];
  for await (const line of createInterface(writer.stdout)) {
    const report: Report = JSON.parse(line);
    reports.push(report);
    if (reports.length === count) writer.kill("SIGKILL");
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
  expect(writer.signalCode, "killed, not failed").toBe("SIGKILL");
  return reports;
}

async function startAndStop(settings: object, node = "node"): Promise<void> {
  const sink = createFileSink(fileConfig.parse(settings), {
    node,
    slot: "0",
    clock: systemClock,
    registry: new Registry(),
    log: pino({ level: "silent" }),
  });
  await sink.close();
}

async function partialFiles(): Promise<string[]> {
  return (await readdir(dir, { recursive: true })).filter((name) => name.endsWith(".partial"));
}

async function positionsHeld(): Promise<number[]> {
  const names = (await readdir(dir, { recursive: true })).filter((name) =>
    /\.(ndjson(\.gz|\.zst)?|parquet)$/.test(name),
  );
  const positions: number[] = [];
  for (const name of names.toSorted()) {
    const bytes = await readFile(path.join(dir, name));
    if (name.endsWith(".parquet")) {
      for await (const { position } of readEvents(Uint8Array.from(bytes).buffer)) positions.push(position);
      continue;
    }
    const lines = name.endsWith(".gz") ? gunzipSync(bytes) : name.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes;
    for (const line of lines.toString().trimEnd().split("\n")) {
      const event: { n: number } = JSON.parse(line);
      positions.push(event.n);
    }
  }
  return positions;
}
