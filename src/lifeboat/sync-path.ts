import { open } from "node:fs/promises";

/** Makes a file's contents, or a directory's names, survive a power cut. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
