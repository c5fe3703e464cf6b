import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Every line of every NDJSON file below a folder, the hidden ones too; none where there is no folder. A last line that is cut off is left out. */
export async function jsonLines(dir: string): Promise<string[]> {
  const lines: string[] = [];
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.includes(".ndjson")) continue;
    const text = await readFile(path.join(entry.parentPath, entry.name), "utf8");
    lines.push(...text.split("\n").slice(0, -1));
  }
  return lines;
}
