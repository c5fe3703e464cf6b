import type { Position } from "../../core/event.ts";
import { type Compression, COMPRESSION_ENDINGS } from "../../formats/compression.ts";

/** What tells one file from every other. Positions are padded, so that names sort as the events came. */
export interface FileName {
  /** Node and slot: who wrote the file. */
  readonly writer: string;
  readonly firstPosition: Position;
  readonly uuid: string;
  readonly compression: Compression;
}

export function finalName({ writer, firstPosition, uuid, compression }: FileName): string {
  return `${writer}-${String(firstPosition).padStart(12, "0")}-${uuid}.ndjson${COMPRESSION_ENDINGS[compression]}`;
}

/** The name of a file that is still written to. Hidden, so that `*.ndjson*` and query engines pass it by. */
export function partialName(name: FileName): string {
  return `.${finalName(name)}.partial`;
}

/** Reads a name back; `undefined` if the file is not the writer's. */
export function parseName(file: string, writer: string): { name: FileName; partial: boolean } | undefined {
  const match = /^(\.?)(.+)-(\d{12,16})-([0-9a-f-]{36})\.ndjson(\.gz|\.zst|)(\.partial|)$/.exec(file);
  if (match === null) return undefined;
  const [, dot, owner, firstPosition, uuid = "", ending, suffix] = match;
  const partial = suffix !== "";
  if (owner !== writer || partial !== (dot === ".")) return undefined;
  const compression = ending === ".gz" ? "gzip" : ending === ".zst" ? "zstd" : "none";
  return { name: { writer, firstPosition: Number(firstPosition), uuid, compression }, partial };
}
