import type { Hour } from "../formats/hour-folders.ts";
import { canonicalEvent, type StoredItem, type StoredUnit } from "./event-store.ts";
import { inflated } from "./inflate.ts";
import { linesOf } from "./lines.ts";

/** A file or an object of an archive, of whatever format. */
export interface ArchiveFile {
  /** Below the archive's own place: `dt=2026-11-23/hour=07/node-0-000000000001-….ndjson.gz`. */
  readonly path: string;
  /** Where it is, for people: a path, or `s3://bucket/key`. */
  readonly name: string;
  readonly bytes: number;
  /** The hour whose events it holds; `undefined` when it is in no folder of an hour. */
  readonly hour: Hour | undefined;
  /** From its start to its end. */
  chunks(onBytes: (bytes: number) => void): AsyncIterable<Buffer>;
  /** For formats that are read from their end. */
  range(start: number, end: number): Promise<Buffer>;
}

/** Reads the events of one format; the seam for further ones. */
export interface ArchiveReader {
  /** Whether it reads a file of this name. */
  reads(path: string): boolean;
  items(file: ArchiveFile, onBytes: (bytes: number) => void): AsyncIterable<readonly StoredItem[]>;
}

/** NDJSON, compressed or not. An item's index is its line. */
const ndjsonReader: ArchiveReader = {
  reads: (path) => /\.ndjson(\.gz|\.zst)?$/.test(path),
  async *items(file, onBytes) {
    for await (const lines of linesOf(inflated(file.chunks(onBytes)))) {
      const items: StoredItem[] = [];
      for (const { number, bytes } of lines) {
        if (bytes.length === 0) continue;
        const event = canonicalEvent(bytes);
        items.push(event === undefined ? { index: number, skip: "unreadable" } : { index: number, event });
      }
      yield items;
    }
  },
};

/** Items that are given at a time. */
const ROWS = 1_000;

/** The events of a file of Parquet as the sinks write it, row by row. The code that reads it is loaded when there is some. */
export async function* parquetEvents(file: ArchiveFile, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  const { readEvents } = await import("../formats/parquet/read-events.ts");
  const slice = async (start: number, end = file.bytes): Promise<ArrayBuffer> => {
    const bytes = await file.range(start, end);
    onBytes(bytes.length);
    // Of a pool's buffer, it is a part.
    return new Uint8Array(bytes).buffer;
  };
  for await (const { bytes } of readEvents({ byteLength: file.bytes, slice })) yield bytes;
}

/** An item's index is its row, from 1. */
const parquetReader: ArchiveReader = {
  reads: (path) => path.endsWith(".parquet"),
  async *items(file, onBytes) {
    let items: StoredItem[] = [];
    let index = 0;
    for await (const bytes of parquetEvents(file, onBytes)) {
      index++;
      const event = canonicalEvent(bytes);
      items.push(event === undefined ? { index, skip: "unreadable" } : { index, event });
      if (items.length < ROWS) continue;
      yield items;
      items = [];
    }
    yield items;
  },
};

const READERS: readonly ArchiveReader[] = [ndjsonReader, parquetReader];

/** The reader of a file's format; `undefined` when there is none. */
function readerOf(path: string): ArchiveReader | undefined {
  return READERS.find((reader) => reader.reads(path));
}

/** The files of an archive as units, oldest hour first. What no reader knows is left out. */
export function archiveUnits(files: readonly ArchiveFile[]): StoredUnit[] {
  const units = files.flatMap((file): StoredUnit[] => {
    const reader = readerOf(file.path);
    if (reader === undefined) return [];
    return [{ key: file.path, name: file.name, bytes: file.bytes, read: (onBytes) => reader.items(file, onBytes) }];
  });
  return units.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
