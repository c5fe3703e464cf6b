import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Sighting, sightingOf } from "./chaos-event.ts";

const gunzipped = promisify(gunzip);
const LINE_END = 0x0a;

/** Everything in the finished files of the file sink below `dir`. A collector that has ended in order has no others. */
export async function* storedInFiles(dir: string): AsyncGenerator<Sighting> {
  // A collector that delivered nothing has made none.
  if (!existsSync(dir)) return;
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(".ndjson.gz") || entry.name.startsWith(".")) continue;
    const lines = await gunzipped(await readFile(join(entry.parentPath, entry.name)));
    for (let start = 0; start < lines.length;) {
      const end = lines.indexOf(LINE_END, start);
      yield sightingOf(lines.subarray(start, end === -1 ? lines.length : end));
      if (end === -1) break;
      start = end + 1;
    }
  }
}
