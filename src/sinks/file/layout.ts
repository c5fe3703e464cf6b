import type { Position } from "../../core/event.ts";
import { type Compression, COMPRESSION_ENDINGS } from "../../formats/compression.ts";

/** What tells one file from every other. Positions are padded, so that names sort as the events came. */
export interface FileName {
  /** Node and slot: who wrote the file. */
  readonly writer: string;
  readonly firstPosition: Position;
  readonly uuid: string;
  readonly format: "ndjson" | "parquet";
  /** Of NDJSON: a Parquet file says itself how its pages are compressed. */
  readonly compression: Compression;
}

export function finalName({ writer, firstPosition, uuid, format, compression }: FileName): string {
  const ending = `${format}${COMPRESSION_ENDINGS[compression]}`;
  return `${writer}-${String(firstPosition).padStart(12, "0")}-${uuid}.${ending}`;
}

/** The name of a file that is still written to. Hidden, so that patterns such as `*.ndjson*` and query engines pass it by. */
export function partialName(name: FileName): string {
  return `.${finalName(name)}.partial`;
}

/** Reads a name back; `undefined` if the file is not the writer's, or that of one of several. */
export function parseName(file: string, writer: string | RegExp): { name: FileName; partial: boolean } | undefined {
  const match = /^(\.?)(.+)-(\d{12,16})-([0-9a-f-]{36})\.(ndjson(?:\.gz|\.zst|)|parquet)(\.partial|)$/.exec(file);
  if (match === null) return undefined;
  const [, dot, owner = "", firstPosition, uuid = "", ending = "", suffix] = match;
  const partial = suffix !== "";
  const isWriters = typeof writer === "string" ? owner === writer : writer.test(owner);
  if (!isWriters || partial !== (dot === ".")) return undefined;
  const compression = ending.endsWith(".gz") ? "gzip" : ending.endsWith(".zst") ? "zstd" : "none";
  const format = ending === "parquet" ? "parquet" : "ndjson";
  return { name: { writer: owner, firstPosition: Number(firstPosition), uuid, format, compression }, partial };
}
