import type { Hour } from "../formats/hour-folders.ts";
import { canonicalEvent } from "../replay/event-store.ts";
import { inflated } from "../replay/inflate.ts";
import { type Line, linesOf } from "../replay/lines.ts";
import { type ArchiveFile, parquetEvents } from "../replay/archive-file.ts";
import { hourOfId } from "../replay/time-range.ts";
import type { Finder, Finding } from "./finder.ts";

export interface FileFinderOptions {
  readonly name: string;
  readonly sink: string | undefined;
  readonly files: () => Promise<readonly ArchiveFile[]>;
}

/**
 * Looks through the files of an archive, one after the other and each as a stream: the hour that the id tells
 * first, if it tells one, then the newest first.
 */
export function fileFinder({ name, sink, files }: FileFinderOptions): Finder {
  return {
    name,
    async *find(id, onProgress) {
      const all = inOrder(await files(), hourOfId(id));
      const bytes = all.reduce((sum, file) => sum + file.bytes, 0);
      let bytesRead = 0;
      for (const file of all) {
        const onBytes = (read: number): void => {
          bytesRead += read;
          onProgress({ name: file.name, bytesRead, bytes });
        };
        for await (const { at, event } of eventsIn(file, id, onBytes)) {
          const found: Finding = { in: "archive", sink, at: `${file.name}:${at}`, event: event.toString() };
          const known = canonicalEvent(event);
          yield known === undefined ? found : { ...found, received: new Date(known.receivedMs).toISOString() };
        }
      }
    },
  };
}

/** The files around an hour first, nearest first; without an hour, and as far away, the newest first. */
function inOrder(files: readonly ArchiveFile[], hour: Hour | undefined): ArchiveFile[] {
  const distance = (file: ArchiveFile): number =>
    hour === undefined || file.hour === undefined ? 0 : Math.abs(file.hour - hour);
  return files.toSorted((a, b) => distance(a) - distance(b) || (a.path < b.path ? 1 : -1));
}

async function* eventsIn(
  file: ArchiveFile,
  id: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<{ readonly at: number; readonly event: Buffer }> {
  if (file.path.endsWith(".parquet")) {
    let row = 0;
    for await (const bytes of parquetEvents(file, onBytes)) {
      row++;
      if (hasId(bytes, id)) yield { at: row, event: bytes };
    }
    return;
  }
  if (!file.path.includes(".ndjson")) return;
  for await (const lines of linesOf(inflated(file.chunks(onBytes)))) {
    for (const { number, bytes } of linesWith(lines, id)) if (hasId(bytes, id)) yield { at: number, event: bytes };
  }
}

/** The lines in which an id stands somewhere. Parsing is for these only. */
export function* linesWith(lines: readonly Line[], id: string): Generator<Line> {
  const needle = Buffer.from(JSON.stringify(id).slice(1, -1));
  for (const line of lines) if (line.bytes.includes(needle)) yield line;
}

export function hasId(json: Buffer, id: string): boolean {
  try {
    const event: { readonly id?: unknown } | null = JSON.parse(json.toString("utf8"));
    return event?.id === id;
  } catch {
    return false;
  }
}
