import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import pino from "pino";
import { Registry } from "prom-client";
import { systemClock } from "../../src/core/clock.ts";
import { readEvents } from "../../src/formats/parquet/read-events.ts";
import { fileConfig } from "../../src/sinks/file/config.ts";
import { createFileSink } from "../../src/sinks/file/sink.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

for (const compression of ["none", "gzip", "zstd"] as const) {
  describeSinkConformance(`file, compression ${compression}`, () => openHarness({ compression }));
}
describeSinkConformance("file, Parquet", () => openHarness({ format: "parquet" }));

async function openHarness(settings: object): Promise<SinkHarness> {
  const home = await mkdtemp(path.join(tmpdir(), "millrace-file-conformance-"));
  const dir = path.join(home, "events");
  const aside = path.join(home, "aside");
  const config = fileConfig.parse({
    name: "files",
    type: "file",
    dir,
    ...settings,
    batch: { maxEvents: 200, maxBytes: "256KiB" },
  });
  const sink = createFileSink(config, {
    node: "node",
    slot: "0",
    clock: systemClock,
    registry: new Registry(),
    log: pino({ level: "silent" }),
  });

  /** Each event and a line end. */
  async function contents(): Promise<Buffer> {
    await sink.close();
    const files = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
    const parts: Buffer[] = [];
    for (const file of files) {
      if (!file.isFile()) continue;
      const bytes = await readFile(path.join(file.parentPath, file.name));
      if (file.name.endsWith(".partial")) throw new Error(`${file.name} was not finished`);
      if (file.name.endsWith(".parquet")) parts.push(...(await linesOf(bytes)));
      else parts.push(decompressed(file.name, bytes));
    }
    return Buffer.concat(parts);
  }

  return {
    sink,
    delivered: async () => {
      const lines = (await contents()).toString("latin1").split("\n");
      if (lines.pop() !== "") throw new Error("the last line has no end");
      return lines.map((line) => Buffer.from(line, "latin1"));
    },
    countedBytes: async () => (await contents()).length,
    breakDestination: async () => {
      await rename(dir, aside).catch(() => {});
      await writeFile(dir, "not a directory");
    },
    repairDestination: async () => {
      await rm(dir);
      await rename(aside, dir);
    },
    [Symbol.asyncDispose]: async () => {
      await sink.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function linesOf(parquet: Buffer): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  for await (const { bytes } of readEvents(Uint8Array.from(parquet).buffer)) lines.push(bytes, Buffer.from("\n"));
  return lines;
}

function decompressed(name: string, bytes: Buffer): Buffer {
  if (name.endsWith(".gz")) return gunzipSync(bytes);
  if (name.endsWith(".zst")) return zstdDecompressSync(bytes);
  return bytes;
}
