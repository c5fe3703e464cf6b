import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";
import type { EventDraft, Position } from "../../core/event.ts";
import { skipSpace } from "../../core/json-scan.ts";
import type { Enrichment, IncomingEvent } from "./incoming-event.ts";
import { rewriteMembers } from "./rewrite-members.ts";

const UUID_RANDOM_BYTES = 16;
const randomPool = new Uint8Array(256 * UUID_RANDOM_BYTES);
let randomUsed = randomPool.length;

/**
 * A new id for an event that came without one. UUIDs of version 7 sort by the
 * millisecond they were made in.
 */
export function newEventId(): string {
  // Asking the system for randomness once per id costs seven times the rest of it.
  if (randomUsed === randomPool.length) {
    randomFillSync(randomPool);
    randomUsed = 0;
  }
  randomUsed += UUID_RANDOM_BYTES;
  return v7({ random: randomPool.subarray(randomUsed - UUID_RANDOM_BYTES, randomUsed) });
}

/**
 * Makes the canonical event: a CloudEvents 1.0 JSON object, made by writing the
 * collector's attributes around the sender's members, which stay the sender's bytes.
 *
 * The whole is one line: line ends, which JSON allows between tokens only, become
 * spaces. Each attribute is there once. Where the sender gave no `id`, `assignedId`
 * is used and marked by `idassigned`; where none, `time` is the received time.
 *
 * @param position the event's place in the journal, known before it is appended
 */
export function encodeDraft(
  event: IncomingEvent,
  position: Position,
  enrichment: Enrichment,
  assignedId: string | undefined,
): EventDraft {
  const frame = frameOf(enrichment);
  const id = event.id ?? assignedId;
  assert(id !== undefined, "an event without an id is assigned one");
  const body = innerBytes(event);
  return {
    id,
    type: event.type,
    source: enrichment.source,
    receivedMs: enrichment.receivedMs,
    head:
      event.id !== undefined && event.time !== undefined && body.length > 0
        ? frame.fullHead
        : headOf(frame, event, id, body),
    body,
    tail: frame.tail,
    closing: `${position}"}`,
  };
}

/** The canonical events of a request. Positions are good for this turn of the event loop: nothing may wait between this and the append. */
export function encodeDrafts(
  events: readonly IncomingEvent[],
  next: Position,
  enrichment: Enrichment,
): readonly EventDraft[] {
  const drafts: EventDraft[] = [];
  for (const event of events) {
    const assignedId = event.id === undefined ? newEventId() : undefined;
    drafts.push(encodeDraft(event, next + drafts.length, enrichment, assignedId));
  }
  return drafts;
}

/** The head of an event to which the collector adds more than to others. */
function headOf(frame: Frame, event: IncomingEvent, id: string, body: Buffer): Buffer {
  let head = frame.head;
  if (event.id === undefined) head += `,"id":${JSON.stringify(id)},"idassigned":true`;
  if (event.time === undefined) head += frame.time;
  return Buffer.from(body.length > 0 ? `${head},` : head);
}

/** What all events of a request have in common, as JSON text. */
interface Frame {
  readonly enrichment: Enrichment;
  readonly head: string;
  /** For events that bring an id, a time, and more. */
  readonly fullHead: Buffer;
  /** The member for events that bring no time. */
  readonly time: string;
  readonly tail: Buffer;
}

let lastFrame: Frame | undefined;

/** The frame is kept until the next request that differs in more than its events: under load many share a millisecond. */
function frameOf(enrichment: Enrichment): Frame {
  if (lastFrame !== undefined && isSame(lastFrame.enrichment, enrichment)) return lastFrame;
  const received = isoTime(enrichment.receivedMs);
  let tail = `,"receivedtime":"${received}"`;
  if (enrichment.clientIp !== undefined) tail += `,"clientip":${JSON.stringify(enrichment.clientIp)}`;
  if (enrichment.userAgent !== undefined) tail += `,"useragent":${JSON.stringify(enrichment.userAgent)}`;
  tail += enrichment.attributes ?? "";
  tail += `,"collector":${JSON.stringify(enrichment.collectorPrefix).slice(0, -1)}`;
  const head = `{"specversion":"1.0","source":${JSON.stringify(enrichment.source)}`;
  lastFrame = {
    enrichment,
    head,
    fullHead: Buffer.from(`${head},`),
    time: `,"time":"${received}"`,
    tail: Buffer.from(tail),
  };
  return lastFrame;
}

function isSame(a: Enrichment, b: Enrichment): boolean {
  return (
    a === b ||
    (a.receivedMs === b.receivedMs &&
      a.source === b.source &&
      a.clientIp === b.clientIp &&
      a.userAgent === b.userAgent &&
      a.attributes === b.attributes &&
      a.collectorPrefix === b.collectorPrefix)
  );
}

let lastIso = { ms: 0, text: new Date(0).toISOString() };

/** Under load many requests share a millisecond, and printing a date costs more than the rest of the frame. */
function isoTime(ms: number): string {
  if (lastIso.ms !== ms) lastIso = { ms, text: new Date(ms).toISOString() };
  return lastIso.text;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** The members of the sender's object, without its braces, on one line; empty when there are none. */
function innerBytes({ raw, rewrite }: IncomingEvent): Buffer {
  if (rewrite) return onOneLine(rewriteMembers(raw));
  const inner = raw.subarray(1, raw.length - 1);
  if (skipSpace(inner, 0, inner.length) === inner.length) return inner.subarray(0, 0);
  return inner.includes(LINE_FEED) || inner.includes(CARRIAGE_RETURN) ? onOneLine(Buffer.from(inner)) : inner;
}

/** Changes the bytes in place. Within strings JSON has no bare line ends, so these are all between tokens. */
function onOneLine(json: Buffer): Buffer {
  for (let at = 0; at < json.length; at++) {
    if (json[at] === LINE_FEED || json[at] === CARRIAGE_RETURN) json[at] = SPACE;
  }
  return json;
}
