import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { errorCode } from "../journal/disk.ts";
import { canonicalEvent, type Rejection, type StoredItem, type StoredUnit } from "./event-store.ts";
import { fileChunks } from "./file-chunks.ts";
import { type Line, linesOf } from "./lines.ts";
import { memberBytes } from "./top-level-members.ts";

const FILE_NAME = /^.+-(\d{8}T\d{6})-\d+\.ndjson$/;

export type RejectLogKind = "dead-letters" | "quarantine";

/** The files of a reject log, of all slots, oldest first. An item's index is where its line begins. Safe beside a collector that writes. */
export async function rejectLogUnits(dir: string, kind: RejectLogKind): Promise<StoredUnit[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
  const units: StoredUnit[] = [];
  for (const name of names) {
    const time = FILE_NAME.exec(name)?.[1];
    if (time === undefined) continue;
    const file = path.join(dir, name);
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    units.push({
      key: `${time}/${name}`,
      name: file,
      bytes: size,
      read: (onBytes) => entriesOf(fileChunks(file, size, onBytes), kind),
    });
  }
  return units.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

async function* entriesOf(chunks: AsyncIterable<Buffer>, kind: RejectLogKind): AsyncGenerator<readonly StoredItem[]> {
  for await (const lines of linesOf(chunks)) yield lines.flatMap((line) => entryOf(line, kind) ?? []);
}

/** `undefined` for what is just being written, or was torn: it counted for nobody yet. */
function entryOf({ bytes, offset: index, isWhole }: Line, kind: RejectLogKind): StoredItem | undefined {
  if (!isWhole || bytes.length === 0) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(bytes.toString("utf8"));
  } catch {
    return { index, skip: "unreadable" };
  }
  if (!isEntry(entry)) return { index, skip: "unreadable" };
  const rejection: Rejection = { code: entry.code, sink: entry.sink, reasons: entry.reasons };
  const raw = memberBytes(bytes, "event");
  if (kind === "dead-letters") {
    const event = raw && canonicalEvent(raw);
    return event === undefined ? { index, skip: "unreadable" } : { index, event, rejection };
  }
  if (entry.reasons.some((reason) => hasCode(reason, "truncated"))) return { index, skip: "truncated", rejection };
  if (raw === undefined || !isObject(entry.event)) return { index, skip: "not_an_event", rejection };
  const { id, type } = entry.event;
  const event = {
    id: typeof id === "string" ? id : "",
    type: typeof type === "string" ? type : "",
    source: entry.source,
    receivedMs: Date.parse(entry.at),
    bytes: raw,
  };
  return { index, event, rejection };
}

interface Entry {
  readonly at: string;
  readonly source: string;
  readonly sink?: string;
  readonly code: string;
  readonly reasons: readonly unknown[];
  readonly event?: unknown;
}

function isEntry(value: unknown): value is Entry {
  if (!isObject(value)) return false;
  const { at, source, sink, code, reasons } = value;
  return (
    typeof at === "string" &&
    !Number.isNaN(Date.parse(at)) &&
    typeof source === "string" &&
    (sink === undefined || typeof sink === "string") &&
    typeof code === "string" &&
    Array.isArray(reasons)
  );
}

function hasCode(reason: unknown, code: string): boolean {
  return isObject(reason) && reason["code"] === code;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
