import { createHash } from "node:crypto";
import type { CollectedEvent, Position } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";

/**
 * What is written on each object, as metadata, of the events in it. By it a later attempt, also
 * one of another process, knows whether an object with its key holds its events.
 */
export interface Inscription {
  readonly first: Position;
  readonly last: Position;
  readonly events: number;
  /** SHA-256 in hex over the ids in order, each with a line feed behind it. */
  readonly idsSha256: string;
}

export function inscriptionOf(events: Batch): Inscription {
  const first = events[0]?.position ?? 0;
  const last = events.at(-1)?.position ?? 0;
  return { first, last, events: events.length, idsSha256: digestOfIds(events) };
}

/** Ids are hashed by the thousand: each call costs more than hashing an id. */
const IDS_PER_UPDATE = 1_000;

function digestOfIds(events: readonly Pick<CollectedEvent, "id">[]): string {
  const hash = createHash("sha256");
  let ids = "";
  let count = 0;
  for (const { id } of events) {
    ids += `${id}\n`;
    if (++count % IDS_PER_UPDATE !== 0) continue;
    hash.update(ids);
    ids = "";
  }
  return hash.update(ids).digest("hex");
}

/** As the metadata of an object. */
export function toMetadata({ first, last, events, idsSha256 }: Inscription): Record<string, string> {
  return {
    "millrace-first-position": String(first),
    "millrace-last-position": String(last),
    "millrace-events": String(events),
    "millrace-ids-sha256": idsSha256,
  };
}

/** `undefined` if the object was written by somebody else, or its metadata was lost. */
export function fromMetadata(metadata: Readonly<Record<string, string>>): Inscription | undefined {
  const first = wholeNumber(metadata["millrace-first-position"]);
  const last = wholeNumber(metadata["millrace-last-position"]);
  const events = wholeNumber(metadata["millrace-events"]);
  const idsSha256 = metadata["millrace-ids-sha256"];
  if (first === undefined || last === undefined || events === undefined || idsSha256 === undefined) return undefined;
  return { first, last, events, idsSha256 };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/**
 * Whether the object holds just the events that are known from its first on: `ours` up to its
 * last; `other`, when it differs in any; `undecided` while not all of them are known.
 *
 * @param known in order, from the event on by which the object is named
 */
export function compare(object: Inscription, known: Batch): "ours" | "other" | "undecided" {
  if (object.first !== known[0]?.position) return "other";
  let count = 0;
  while (count < known.length && (known[count]?.position ?? 0) <= object.last) count++;
  if (count > object.events) return "other";
  if (count < object.events) return count === known.length ? "undecided" : "other";
  return inscriptionsEqual(object, inscriptionOf(known.slice(0, count))) ? "ours" : "other";
}

export function inscriptionsEqual(a: Inscription, b: Inscription): boolean {
  return a.first === b.first && a.last === b.last && a.events === b.events && a.idsSha256 === b.idsSha256;
}
