import type { FileHandle } from "node:fs/promises";

/** Reads this many bytes at an offset; `undefined` if the file ends before. */
export async function readExactly(file: FileHandle, offset: number, bytes: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, offset + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return buffer;
}
