import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { ParquetFile } from "./parquet-file.ts";
import type { BatchPart, EncodedFile, ThreadOptions } from "./thread-messages.ts";

// The thread that encodes: parts of a batch come in, and with the last one a file goes out. A bug ends
// the thread, which the encoder sees.

assert(parentPort !== null, "this file is run as a thread");
const port = parentPort;
const options: ThreadOptions = workerData;
let file: ParquetFile | undefined;

port.on("message", ({ positions, lengths, bytes, isLast }: BatchPart) => {
  file ??= new ParquetFile(options);
  let at = 0;
  for (const [index, length] of lengths.entries()) {
    file.add(positions[index] ?? 0, Buffer.from(bytes, at, length));
    at += length;
  }
  if (!isLast) return;
  const encoded = file.finish().slice().buffer;
  file = undefined;
  port.postMessage({ bytes: encoded } satisfies EncodedFile, [encoded]);
});
