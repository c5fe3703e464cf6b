import { createReadStream } from "node:fs";
import { errorCode } from "../journal/disk.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * A file in chunks, up to `end` bytes of it: what was written after it was listed is left for the next
 * time. One that was deleted meanwhile has none.
 */
export async function* fileChunks(path: string, end: number, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  if (end === 0) return;
  const stream = createReadStream(path, { end: end - 1, highWaterMark: CHUNK_BYTES });
  try {
    const chunks: AsyncIterable<Buffer> = stream;
    for await (const chunk of chunks) {
      onBytes(chunk.length);
      yield chunk;
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  } finally {
    stream.destroy();
  }
}
