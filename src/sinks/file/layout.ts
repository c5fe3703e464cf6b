import path from "node:path";
import type { Position } from "../../core/event.ts";
import type { Compression } from "./config.ts";

const HOUR_MS = 3_600_000;

const ENDINGS: Readonly<Record<Compression, string>> = { none: "", gzip: ".gz", zstd: ".zst" };

/** Hours since 1970, UTC. Events are filed by the hour in which they were received. */
export type Hour = number;

export function hourOf(receivedMs: number): Hour {
  return Math.floor(receivedMs / HOUR_MS);
}

/** Unix milliseconds at which the hour is over. */
export function endOfHourMs(hour: Hour): number {
  return (hour + 1) * HOUR_MS;
}

/** The folder of an hour below the sink's own: `dt=2026-11-23/hour=07`, which Hive, Athena, Spark and DuckDB read as columns. */
export function folderOf(hour: Hour): string {
  const time = new Date(hour * HOUR_MS).toISOString();
  return path.join(`dt=${time.slice(0, 10)}`, `hour=${time.slice(11, 13)}`);
}

/** The hour of such a folder; `undefined` if it is none of ours. */
export function hourOfFolder(day: string, hour: string): Hour | undefined {
  if (!/^dt=\d{4}-\d\d-\d\d$/.test(day) || !/^hour=\d\d$/.test(hour)) return undefined;
  const startMs = Date.parse(`${day.slice(3)}T${hour.slice(5)}:00:00Z`);
  return Number.isNaN(startMs) ? undefined : hourOf(startMs);
}

/** What tells one file from every other. Positions are padded, so that names sort as the events came. */
export interface FileName {
  /** Node and slot: who wrote the file. */
  readonly writer: string;
  readonly firstPosition: Position;
  readonly uuid: string;
  readonly compression: Compression;
}

export function finalName({ writer, firstPosition, uuid, compression }: FileName): string {
  return `${writer}-${String(firstPosition).padStart(12, "0")}-${uuid}.ndjson${ENDINGS[compression]}`;
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
