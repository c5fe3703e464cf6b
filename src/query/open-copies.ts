import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import path from "node:path";
import { PassThrough, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Compression } from "../formats/compression.ts";
import { intactBytes } from "../formats/intact-bytes.ts";
import type { NdjsonEnding, OpenFile } from "./archive.ts";

const COMPRESSIONS: Readonly<Record<NdjsonEnding, Compression>> = {
  ".ndjson": "none",
  ".ndjson.gz": "gzip",
  ".ndjson.zst": "zstd",
};

/**
 * Copies files that are still written to, decompressed and up to their last whole batch, into the same folders
 * below `into`: an engine would refuse an end that is being written.
 */
export async function copyOpenFiles(files: readonly OpenFile[], into: string): Promise<void> {
  for (const [index, file] of files.entries()) {
    const folder = path.join(into, file.folder);
    await mkdir(folder, { recursive: true });
    try {
      await copyIntact(file, path.join(folder, `${index}.ndjson`));
    } catch (error) {
      // It was finished meanwhile, and has another name; it is read by that, or with the next query.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}

async function copyIntact({ path: from, ending }: OpenFile, to: string): Promise<void> {
  const compression = COMPRESSIONS[ending];
  const file = await open(from);
  try {
    const bytes = await intactBytes(file, compression);
    if (bytes === 0) return;
    const source = createReadStream(from, { fd: file, autoClose: false, start: 0, end: bytes - 1 });
    await pipeline(source, decompressor(compression), createWriteStream(to, { flags: "wx", mode: 0o600 }));
  } finally {
    await file.close();
  }
}

function decompressor(compression: Compression): Transform {
  switch (compression) {
    case "none":
      return new PassThrough();
    case "gzip":
      return createGunzip();
    case "zstd":
      return createZstdDecompress();
  }
}
