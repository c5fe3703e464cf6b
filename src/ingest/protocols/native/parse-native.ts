import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../../core/validation.ts";
import { isSpace, type ScannedValue, scanElements, scanValue, skipSpace, trimEnd } from "../../../core/json-scan.ts";
import { notAnObject, readEvent } from "../event-form.ts";
import { brokenLimit } from "../event-limits.ts";
import { essenceOf } from "../media-type.ts";
import type { EventLimits, IncomingBody, IncomingItem, UnreadableBody } from "../incoming-event.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { parseJson } from "../parse-json.ts";
import { markBytes } from "../text-start.ts";
import { isObject } from "../json-object.ts";
import { tooManyEvents, unreadable } from "../unreadable.ts";

/** Larger arrays are parsed event by event, so that not all of them are held parsed. */
const MAX_TOGETHER_BYTES = 64 * 1024;

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LINE_FEED = 0x0a;

/**
 * How a body is read. `lines`: an event a line. `any`: by its first bytes, since
 * `sendBeacon` and careless clients label one as the other.
 */
export type BodyLayout = "lines" | "any";

const LAYOUTS: ReadonlyMap<string, BodyLayout> = new Map([
  ["application/json", "any"],
  ["application/cloudevents+json", "any"],
  ["application/cloudevents-batch+json", "any"],
  ["text/plain", "any"],
  ["application/x-ndjson", "lines"],
  ["application/ndjson", "lines"],
  ["application/jsonl", "lines"],
]);

/** What `Accept-Post` and the answer to another media type list. */
export const NATIVE_MEDIA_TYPES: readonly string[] = [...LAYOUTS.keys()];

/** How the body of a Content-Type, with or without its parameters, is read; `undefined` when it is not. */
export function layoutOf(contentType: string | undefined): BodyLayout | undefined {
  // A beacon of a Blob without a type has none.
  if (contentType === undefined || contentType === "") return "any";
  return LAYOUTS.get(contentType) ?? LAYOUTS.get(essenceOf(contentType));
}

/**
 * Reads a request of the native protocol: one event, an array of events, or one event
 * to a line, each a CloudEvents 1.0 JSON object of which only `type` is required.
 *
 * Limits on an event are enforced before it is parsed. An event that breaks one, or
 * has the wrong form, is malformed and the others go on; so is a broken line. A broken
 * array is unreadable as a whole, since nobody can tell where its events end.
 *
 * @param body whole and decompressed; the events keep views into it
 */
export function* parseNative(body: Buffer, layout: BodyLayout, limits: EventLimits): IncomingBody {
  if (!isUtf8(body)) return unreadable("invalid_utf8", explainUtf8(body));
  const textStart = markBytes(body);
  const start = skipSpace(body, textStart, body.length);
  const end = trimEnd(body, start, body.length);
  if (start === end) return unreadable("empty_body", "The body is empty; send one event or several.");
  if (layout === "lines") return yield* parseLines(body, textStart, end, limits);
  if (body[start] === OPEN_ARRAY) return yield* parseArray(body, start, end, limits);
  const scanned = scanValue(body, start, end);
  if (scanned.end === end) {
    const item = parseItem(body, scanned, limits);
    if (item !== undefined) {
      yield item;
      return undefined;
    }
  }
  return looksLikeLines(body, start, end) ? yield* parseLines(body, textStart, end, limits) : invalidJson(body);
}

function* parseArray(body: Buffer, start: number, end: number, limits: EventLimits): IncomingBody {
  const elements = scanElements(body, start, end, limits.maxEventsPerRequest);
  if (elements === undefined) return invalidJson(body);
  if (elements.length > limits.maxEventsPerRequest) return tooManyEvents(limits);
  if (elements.length === 0) return unreadable("no_events", "The array holds no events.");
  const values = parseTogether(body, start, end, elements, limits);
  for (const [index, element] of elements.entries()) {
    const item = values === undefined ? parseItem(body, element, limits) : readItem(body, element, values[index]);
    if (item === undefined) return invalidJson(body);
    yield item;
  }
  return undefined;
}

/**
 * The elements of a small array, parsed in one go, which costs a sixth less. `undefined` when one
 * of them breaks a limit and must not be parsed, or when it is not JSON.
 */
function parseTogether(
  body: Buffer,
  start: number,
  end: number,
  elements: readonly ScannedValue[],
  limits: EventLimits,
): readonly unknown[] | undefined {
  if (end - start > MAX_TOGETHER_BYTES) return undefined;
  for (const element of elements) if (brokenLimit(element, limits) !== undefined) return undefined;
  const values = parseJson(body, start, end);
  return Array.isArray(values) ? values : undefined;
}

function* parseLines(body: Buffer, start: number, end: number, limits: EventLimits): IncomingBody {
  let items = 0;
  let line = 1;
  for (let at = start; at < end;) {
    // Byte by byte, so that a body of millions of blank lines costs no more than another.
    if (isSpace(body[at])) {
      if (body[at] === LINE_FEED) line++;
      at++;
      continue;
    }
    if (items === limits.maxEventsPerRequest) return tooManyEvents(limits);
    const feed = body.indexOf(LINE_FEED, at);
    const lineEnd = feed < 0 || feed > end ? end : feed;
    items++;
    yield parseLine(body, at, trimEnd(body, at, lineEnd), line, limits);
    at = lineEnd;
  }
  return undefined;
}

function parseLine(body: Buffer, start: number, end: number, line: number, limits: EventLimits): IncomingItem {
  const scanned = scanValue(body, start, end);
  // What follows the value makes the line invalid, and the size is that of the line.
  const item = parseItem(body, scanned.end === end ? scanned : { ...scanned, end }, limits);
  if (item !== undefined) return item;
  const message = explainJson(body.toString("utf8", start, end), line);
  return unparsed(body.subarray(start, end), { code: "invalid_json", pointer: "", message });
}

/** Reads one event; `undefined` when its text is not JSON. */
function parseItem(body: Buffer, scanned: ScannedValue, limits: EventLimits): IncomingItem | undefined {
  const problem = brokenLimit(scanned, limits);
  if (problem !== undefined) return unparsed(body.subarray(scanned.start, scanned.end), problem);
  const value = parseJson(body, scanned.start, scanned.end);
  return value === undefined ? undefined : readItem(body, scanned, value);
}

function readItem(body: Buffer, scanned: ScannedValue, value: unknown): IncomingItem {
  const raw = body.subarray(scanned.start, scanned.end);
  if (isObject(value)) return readEvent(value, raw, scanned.ownKeys);
  return { kind: "malformed", malformed: { id: undefined, problems: [notAnObject(value)], raw, parsed: true } };
}

function unparsed(raw: Buffer, problem: ValidationProblem): IncomingItem {
  return { kind: "malformed", malformed: { id: undefined, problems: [problem], raw, parsed: false } };
}

/** Whether a text that is not one object is meant as objects to a line: its first two lines say so. */
function looksLikeLines(body: Buffer, start: number, end: number): boolean {
  const feed = body.indexOf(LINE_FEED, start);
  if (feed < 0 || feed >= end || body[start] !== OPEN_OBJECT) return false;
  return body[trimEnd(body, start, feed) - 1] === CLOSE_OBJECT && body[skipSpace(body, feed, end)] === OPEN_OBJECT;
}

function invalidJson(body: Buffer): UnreadableBody {
  const text = body.toString("utf8", markBytes(body));
  return unreadable("invalid_json", explainJson(text));
}
