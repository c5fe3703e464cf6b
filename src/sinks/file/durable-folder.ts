import { mkdir, open } from "node:fs/promises";
import path from "node:path";

/** Makes a folder and those above it, so that they survive a loss of power. */
export async function createFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
    await syncFolder(path.dirname(made));
  }
}

/** Puts the names in a folder on the disk: without it a file may be safe and its name gone. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; NTFS logs its names by itself.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
