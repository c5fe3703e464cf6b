import { crc32 } from "node:zlib";
import type { CollectedEvent, Position } from "../../src/core/event.ts";
import type { SimulatedDisk } from "../../src/journal/simulated-disk.ts";

/*
 * What lies on the simulated disk, read by code that shares nothing with the journal, so
 * that a mistake in one does not hide a mistake in the other.
 */

export const MARKER = Buffer.from([0x00, 0x4d, 0x52, 0x02]);
const HEADER_BYTES = 24;
const FRAME_HEADER_BYTES = 12;
const NAMES_AT = FRAME_HEADER_BYTES + 19;

/** An event found in a segment, and where. */
export interface FoundEvent extends CollectedEvent {
  readonly path: string;
  /** Where its record begins in the file. */
  readonly from: number;
  /** Where it ends. */
  readonly to: number;
}

export function segmentsOnDisk(disk: SimulatedDisk, directory: string): { first: Position; path: string }[] {
  const segments = disk
    .listSync(directory)
    .filter((name) => /^\d{16}\.seg$/.test(name))
    .map((name) => ({ first: Number.parseInt(name, 10), path: `${directory}/${name}` }));
  return segments.toSorted((a, b) => a.first - b.first);
}

/** The events of a slot, by position: whole records, each in the segment that its position belongs to. */
export function eventsOnDisk(disk: SimulatedDisk, directory: string): FoundEvent[] {
  const segments = segmentsOnDisk(disk, directory);
  const events: FoundEvent[] = [];
  for (const [index, { first, path }] of segments.entries()) {
    const below = segments[index + 1]?.first ?? Number.POSITIVE_INFINITY;
    let next = first;
    const file = disk.files.get(path);
    const bad = disk.badSectors.filter((sector) => sector.file === file);
    for (const event of eventsIn(path, file?.bytes ?? Buffer.alloc(0))) {
      if (event.position < next || event.position >= below) continue;
      if (bad.some(({ from, to }) => event.from < to && from < event.to)) continue;
      events.push(event);
      next = event.position + 1;
    }
  }
  return events;
}

function* eventsIn(path: string, bytes: Buffer): Generator<FoundEvent> {
  for (let at = HEADER_BYTES; at + NAMES_AT <= bytes.length;) {
    const event = eventAt(path, bytes, at);
    if (event !== undefined) yield event;
    at = event?.to ?? at + 1;
  }
}

function eventAt(path: string, bytes: Buffer, from: number): FoundEvent | undefined {
  if (MARKER.compare(bytes, from, from + MARKER.length) !== 0) return undefined;
  const payload = from + FRAME_HEADER_BYTES;
  const to = payload + bytes.readUInt32LE(from + 4);
  if (to > bytes.length || to < from + NAMES_AT) return undefined;
  if (crc32(bytes.subarray(payload, to)) !== bytes.readUInt32LE(from + 8)) return undefined;
  const sourceAt = from + NAMES_AT;
  const typeAt = sourceAt + bytes.readUInt8(payload + 16);
  const idAt = typeAt + bytes.readUInt8(payload + 17);
  const bytesAt = idAt + bytes.readUInt8(payload + 18);
  return {
    position: Number(bytes.readBigUInt64LE(payload)),
    receivedMs: Number(bytes.readBigUInt64LE(payload + 8)),
    source: bytes.toString("utf8", sourceAt, typeAt),
    type: bytes.toString("utf8", typeAt, idAt),
    id: bytes.toString("utf8", idAt, bytesAt),
    bytes: bytes.subarray(bytesAt, to),
    path,
    from,
    to,
  };
}

/** Which events are in the dead letters, as `sink id`. */
export function deadLettersOnDisk(disk: SimulatedDisk, directory: string): Set<string> {
  const letters = new Set<string>();
  for (const name of disk.listSync(directory))
    for (const letter of deadLettersIn(disk, `${directory}/${name}`)) letters.add(letter);
  return letters;
}

export function deadLettersIn(disk: SimulatedDisk, path: string): string[] {
  if (!path.endsWith(".ndjson")) return [];
  const text = disk.files.get(path)?.bytes.toString("utf8") ?? "";
  const letters = text.split("\n").flatMap((line) => parse(line) ?? []);
  return letters.map(({ sink, event }) => `${sink} ${event.id}`);
}

function parse(line: string): { readonly sink: string; readonly event: { readonly id: string } } | undefined {
  try {
    return JSON.parse(line) as { sink: string; event: { id: string } };
  } catch {
    return undefined;
  }
}
