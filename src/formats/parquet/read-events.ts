import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import type { Position } from "../../core/event.ts";
import {
  type EventRow,
  TEXT_ATTRIBUTES,
  type TextAttribute,
  TIME_ATTRIBUTES,
  type TimeAttribute,
} from "./event-columns.ts";
import { rebuildEvent } from "./rebuild-event.ts";

export interface StoredEvent {
  readonly position: Position;
  readonly bytes: Buffer;
}

const READING = {
  compressors: {
    GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
    ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes),
  },
  // What has no text type is bytes, and times are as exact as they are stored.
  utf8: false,
  parsers: {
    timestampFromMicroseconds: (micros: bigint) => micros,
    jsonFromBytes: textFromBytes,
    // The library's own takes a byte order mark at the start for no part of the text.
    stringFromBytes: textFromBytes,
  },
};

export type ParquetRow = Readonly<Record<string, unknown>>;

/** The rows of a file, a row group in memory at a time. Times are microseconds since 1970, JSON is text. */
export async function* readRows(file: AsyncBuffer, columns?: readonly string[]): AsyncGenerator<ParquetRow> {
  const metadata: FileMetaData = await parquetMetadataAsync(file);
  let rowStart = 0;
  for (const { num_rows: rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(rows);
    yield* await parquetReadObjects({
      file,
      metadata,
      rowStart,
      rowEnd,
      ...READING,
      ...(columns !== undefined && { columns: [...columns] }),
    });
    rowStart = rowEnd;
  }
}

/** The events of a file that we wrote, each byte for byte as it was delivered. */
export async function* readEvents(file: AsyncBuffer): AsyncGenerator<StoredEvent> {
  for await (const row of readRows(file, ["position", ...TEXT_ATTRIBUTES, ...TIME_ATTRIBUTES, ...MADE_OF])) {
    yield { position: Number(row["position"]), bytes: rebuildEvent(eventRow(row)) };
  }
}

const MADE_OF = ["data", "extensions", "envelope", "raw"] as const;

function eventRow(row: ParquetRow): EventRow {
  const text: Partial<Record<TextAttribute, string>> = {};
  for (const name of TEXT_ATTRIBUTES) {
    const value = row[name];
    if (typeof value === "string") text[name] = value;
  }
  const times: Partial<Record<TimeAttribute, bigint>> = {};
  for (const name of TIME_ATTRIBUTES) {
    const value = row[name];
    if (typeof value === "bigint") times[name] = value;
  }
  const { raw } = row;
  return {
    text,
    times,
    data: textOf(row["data"]),
    extensions: textOf(row["extensions"]),
    envelope: textOf(row["envelope"]),
    raw: raw instanceof Uint8Array ? raw : undefined,
  };
}

function textFromBytes(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
