import { isUtf8 } from "node:buffer";
import { formatBytes } from "../../../core/config-fields.ts";
import {
  type ScannedMember,
  type ScannedValue,
  scanElements,
  scanValue,
  skipSpace,
  trimEnd,
} from "../../../core/json-scan.ts";
import { notAnObject } from "../event-form.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, IncomingBody, IncomingItem, UnreadableBody } from "../incoming-event.ts";
import { findJsonFault } from "../json-fault.ts";
import { ownMembers } from "../own-members.ts";
import { parseJson } from "../parse-json.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { type Envelope, mapMessage, type SegmentCall } from "./map-message.ts";
import { malformedItem } from "../malformed-item.ts";
import { isObject } from "../json-object.ts";
import { unreadable } from "../unreadable.ts";

/** Of what a batch says once for all its messages: each event repeats it, so more would fill the journal. analytics-node sends about 80. */
const MAX_ENVELOPE_BYTES = 2 * 1024;

const ALONE: Envelope = {};

/** Reads a request that holds one message. */
export function* readMessage(body: Buffer, call: SegmentCall, limits: EventLimits, receivedMs: number): IncomingBody {
  const text = textOf(body);
  if ("kind" in text) return text;
  const scanned = scanValue(body, text.start, text.end);
  // What follows the value makes it invalid, and the size is that of the text.
  const item = readOne(body, { ...scanned, end: text.end }, call, ALONE, limits, receivedMs);
  if (item === undefined) return invalidJson(body);
  yield item;
  return undefined;
}

/**
 * Reads a request that holds a batch: `{"batch": [message, …]}`. A message that is none is refused
 * by itself; a text that is not JSON is unreadable as a whole, as with events.
 */
export function* readBatch(body: Buffer, limits: EventLimits, receivedMs: number): IncomingBody {
  const text = textOf(body);
  if ("kind" in text) return text;
  const members = ownMembers(body, text.start, text.end);
  const batch = members?.get("batch");
  if (members === undefined || batch === undefined) return noBatch(body);
  const messages = scanElements(body, batch.valueStart, batch.valueEnd, limits.maxEventsPerRequest);
  if (messages === undefined) return noBatch(body);
  if (messages.length > limits.maxEventsPerRequest) {
    const detail = `A batch may hold at most ${limits.maxEventsPerRequest} messages; send the rest in further requests.`;
    return unreadable("too_many_events", detail);
  }
  const envelope = envelopeOf(body, members);
  if (envelope === undefined) return invalidJson(body);
  if ("kind" in envelope) return envelope;
  if (messages.length === 0) return unreadable("no_events", "The batch holds no messages.");
  for (const message of messages) {
    const item = readOne(body, message, undefined, envelope, limits, receivedMs);
    if (item === undefined) return invalidJson(body);
    yield item;
  }
  return undefined;
}

/** The write key that a message or a batch says itself. The body may be anything. */
export function writeKeyIn(body: Buffer): string | undefined {
  const start = skipSpace(body, 0, body.length);
  const member = ownMembers(body, start, trimEnd(body, start, body.length))?.get("writeKey");
  const key = member && parseJson(body, member.valueStart, member.valueEnd);
  return typeof key === "string" ? key : undefined;
}

/** Reads one message; `undefined` when its text is not JSON. */
function readOne(
  body: Buffer,
  scanned: ScannedValue,
  call: SegmentCall | undefined,
  envelope: Envelope,
  limits: EventLimits,
  receivedMs: number,
): IncomingItem | undefined {
  const raw = body.subarray(scanned.start, scanned.end);
  const problem = brokenLimit(scanned, limits);
  if (problem !== undefined) return malformedItem(raw, problem, false);
  const value = parseJson(body, scanned.start, scanned.end);
  if (value === undefined) return undefined;
  if (!isObject(value)) return malformedItem(raw, notAnObject(value), true);
  return mapMessage(raw, value, call, envelope, receivedMs, limits);
}

/** `undefined` when a member is not JSON. */
function envelopeOf(body: Buffer, members: ReadonlyMap<string, ScannedMember>): Envelope | UnreadableBody | undefined {
  const rest: string[] = [];
  let bytes = 0;
  let sentAt: unknown;
  for (const [name, { keyStart, valueStart, valueEnd }] of members) {
    if (name === "batch") continue;
    bytes += valueEnd - keyStart;
    if (bytes > MAX_ENVELOPE_BYTES) return longEnvelope();
    const value = parseJson(body, valueStart, valueEnd);
    if (value === undefined) return undefined;
    if (name === "sentAt") sentAt = value;
    if (name !== "writeKey") rest.push(`${JSON.stringify(name)}:${body.toString("utf8", valueStart, valueEnd)}`);
  }
  return { sentAt, rest: rest.length === 0 ? undefined : `{${rest.join(",")}}` };
}

function longEnvelope(): UnreadableBody {
  const detail = `What a batch says besides its messages is repeated in each event, and may have at most ${formatBytes(MAX_ENVELOPE_BYTES)}. Put what is longer into the messages.`;
  return unreadable("body_too_large", detail);
}

/** Where the text of a body begins and ends, without white space around it. */
function textOf(body: Buffer): { readonly start: number; readonly end: number } | UnreadableBody {
  if (!isUtf8(body)) return unreadable("invalid_utf8", explainUtf8(body));
  const start = skipSpace(body, 0, body.length);
  const end = trimEnd(body, start, body.length);
  return start === end ? unreadable("empty_body", "The body is empty; send a message or a batch.") : { start, end };
}

function noBatch(body: Buffer): UnreadableBody {
  if (findJsonFault(body.toString("utf8")) !== undefined) return invalidJson(body);
  const detail = `The body is not a batch. Send {"batch": [message, …]}, or a single message to the path of its type, such as /v1/track.`;
  return unreadable("no_events", detail);
}

function invalidJson(body: Buffer): UnreadableBody {
  return unreadable("invalid_json", explainJson(body.toString("utf8")));
}
