import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../../core/validation.ts";
import { isSpace, type ScannedValue, scanElements, scanValue, skipSpace, trimEnd } from "../../../core/json-scan.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, MalformedEvent, UnreadableBody } from "../incoming-event.ts";
import type { BodyLayout } from "../native/parse-native.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { markBytes } from "../text-start.ts";
import { tooManyEvents, unreadable } from "../unreadable.ts";

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const LINE_FEED = 0x0a;

export type ReadValue =
  /** Bytes that `JSON.parse` accepts, within the limits of an event: a view into the body. */
  | { readonly kind: "value"; readonly json: Buffer }
  | { readonly kind: "malformed"; readonly malformed: MalformedEvent };

export type ReadValues = Generator<ReadValue, UnreadableBody | undefined, undefined>;

/**
 * Tells apart the JSON values of a body, of whatever form they are.
 *
 * An array that is the whole body holds values; on a line it is one. Other bodies are one value, or
 * one to a line. Objects may also follow one another on a line, as Fluent Bit's `json_stream` writes
 * them. A value that breaks a limit, or a line that is not JSON, is malformed and the others go on.
 */
export function* readValues(body: Buffer, layout: BodyLayout, limits: EventLimits): ReadValues {
  if (!isUtf8(body)) return unreadable("invalid_utf8", explainUtf8(body));
  const textStart = markBytes(body);
  const start = skipSpace(body, textStart, body.length);
  const end = trimEnd(body, start, body.length);
  if (start === end) return unreadable("empty_body", "The body is empty; send a JSON value or several.");
  if (layout === "lines") return yield* readLines(body, textStart, end, limits);
  if (body[start] === OPEN_ARRAY) {
    const elements = scanElements(body, start, end, limits.maxEventsPerRequest);
    if (elements !== undefined) return yield* readElements(body, elements, limits);
  }
  const first = scanValue(body, start, end);
  if (first.end === end) {
    const value = readValue(body, first, limits);
    if (value === undefined) return invalidJson(body);
    yield value;
    return undefined;
  }
  const feed = body.indexOf(LINE_FEED, start);
  // A first value over several lines, with something after it, is one that is broken.
  if (first.end === start || (feed >= 0 && feed < first.end)) return invalidJson(body);
  return yield* readLines(body, textStart, end, limits);
}

function* readElements(body: Buffer, elements: readonly ScannedValue[], limits: EventLimits): ReadValues {
  if (elements.length > limits.maxEventsPerRequest) return tooManyEvents(limits);
  if (elements.length === 0) return unreadable("no_events", "The array holds no values.");
  for (const element of elements) {
    const value = readValue(body, element, limits);
    // Nobody can tell where the others begin.
    if (value === undefined) return invalidJson(body);
    yield value;
  }
  return undefined;
}

function* readLines(body: Buffer, start: number, end: number, limits: EventLimits): ReadValues {
  let values = 0;
  let line = 1;
  for (let at = start; at < end;) {
    if (isSpace(body[at])) {
      if (body[at] === LINE_FEED) line++;
      at++;
      continue;
    }
    if (values++ === limits.maxEventsPerRequest) return tooManyEvents(limits);
    const feed = body.indexOf(LINE_FEED, at);
    const lineEnd = trimEnd(body, at, feed < 0 || feed > end ? end : feed);
    const scanned = scanValue(body, at, lineEnd);
    const isFirstOfSeveral = body[skipSpace(body, scanned.end, lineEnd)] === OPEN_OBJECT && body[at] === OPEN_OBJECT;
    const valueEnd = isFirstOfSeveral && scanned.end < lineEnd ? scanned.end : lineEnd;
    const value = readValue(body, { ...scanned, end: valueEnd }, limits);
    if (value !== undefined) {
      yield value;
      at = valueEnd;
      continue;
    }
    const message = explainJson(body.toString("utf8", at, lineEnd), line);
    yield malformed(body.subarray(at, lineEnd), { code: "invalid_json", pointer: "", message });
    at = lineEnd;
  }
  return undefined;
}

/** `undefined` when the text is not JSON. */
function readValue(body: Buffer, scanned: ScannedValue, limits: EventLimits): ReadValue | undefined {
  const json = body.subarray(scanned.start, scanned.end);
  const problem = brokenLimit(scanned, limits);
  if (problem !== undefined) return malformed(json, problem);
  try {
    JSON.parse(json.toString("utf8"));
  } catch {
    return undefined;
  }
  return { kind: "value", json };
}

function malformed(raw: Buffer, problem: ValidationProblem): ReadValue {
  return { kind: "malformed", malformed: { id: undefined, problems: [problem], raw, parsed: false } };
}

function invalidJson(body: Buffer): UnreadableBody {
  return unreadable("invalid_json", explainJson(body.toString("utf8").replace(/^\uFEFF/, "")));
}
