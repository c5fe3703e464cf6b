import { isUtf8 } from "node:buffer";
import { type ScannedMember, scanElements, type ScannedValue, skipSpace, trimEnd } from "../../../core/json-scan.ts";
import { notAnObject } from "../event-form.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, IncomingBody, IncomingItem, UnreadableBody } from "../incoming-event.ts";
import { findJsonFault } from "../json-fault.ts";
import { malformedItem } from "../malformed-item.ts";
import { mappedItem } from "../mapped-event.ts";
import { ownMembers } from "../own-members.ts";
import { parseJson } from "../parse-json.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { urlParameters } from "../url-parameters.ts";
import { mapSnowplow } from "./map-event.ts";
import { parametersOfJson, parametersOfQuery, type SnowplowParameters } from "./snowplow-parameters.ts";
import { tooManyEvents, unreadable } from "../unreadable.ts";

const ENVELOPE =
  '{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[…]}, with an object of parameters for each event';

/**
 * Reads the body of a POST: the envelope `payload_data`, whose `data` is an array of events, each a flat
 * object of parameters.
 *
 * @param networkUserId of who sends it, by the collector's cookie; `undefined`: nobody is to be known
 */
export function* readEnvelope(
  body: Buffer,
  limits: EventLimits,
  receivedMs: number,
  networkUserId?: string,
): IncomingBody {
  if (!isUtf8(body)) return unreadable("invalid_utf8", explainUtf8(body));
  const start = skipSpace(body, 0, body.length);
  const end = trimEnd(body, start, body.length);
  if (start === end) return unreadable("empty_body", `The body is empty; send ${ENVELOPE}.`);
  const data = dataMember(body, start, end);
  const elements = data && scanElements(body, data.valueStart, data.valueEnd, limits.maxEventsPerRequest);
  if (elements === undefined) return notAnEnvelope(body);
  if (elements.length > limits.maxEventsPerRequest) {
    return tooManyEvents(limits);
  }
  if (elements.length === 0) return unreadable("no_events", 'The envelope\'s "data" holds no events.');
  for (const element of elements) {
    const item = itemOf(body, element, limits, receivedMs, networkUserId);
    if (item === undefined) return notAnEnvelope(body);
    yield item;
  }
  return undefined;
}

/** Reads the one event that is in the query of a GET. */
export function* readQuery(
  target: string,
  limits: EventLimits,
  receivedMs: number,
  networkUserId?: string,
): IncomingBody {
  const query = urlParameters(target);
  if ("kind" in query) return query;
  if (query.size === 0)
    return unreadable("no_events", 'The query holds no event. Name its kind in "e", such as `?e=pv`.');
  const raw = Buffer.from(JSON.stringify(Object.fromEntries(query)));
  yield mapped(parametersOfQuery(query), raw, limits, receivedMs, networkUserId);
  return undefined;
}

/** The app id (`aid`) of the first event in a body that may be anything. */
export function firstAppId(body: Buffer): string | undefined {
  const start = skipSpace(body, 0, body.length);
  const data = dataMember(body, start, trimEnd(body, start, body.length));
  const first = data && scanElements(body, data.valueStart, data.valueEnd, 0)?.[0];
  if (first === undefined) return undefined;
  const member = ownMembers(body, first.start, first.end)?.get("aid");
  const value = member && parseJson(body, member.valueStart, member.valueEnd);
  return typeof value === "string" ? value : undefined;
}

function dataMember(body: Buffer, start: number, end: number): ScannedMember | undefined {
  return ownMembers(body, start, end)?.get("data");
}

/** `undefined` when its text is not JSON. */
function itemOf(
  body: Buffer,
  element: ScannedValue,
  limits: EventLimits,
  receivedMs: number,
  networkUserId: string | undefined,
): IncomingItem | undefined {
  const raw = body.subarray(element.start, element.end);
  const broken = brokenLimit(element, limits);
  if (broken !== undefined) return malformedItem(raw, broken, false);
  const value = parseJson(raw);
  if (value === undefined) return undefined;
  const parameters = parametersOfJson(raw);
  if (parameters === undefined) return malformedItem(raw, notAnObject(value));
  if (typeof parameters !== "string") return mapped(parameters, raw, limits, receivedMs, networkUserId);
  const name = JSON.stringify(parameters.slice(0, 60));
  const message = `The parameter ${name} holds an object or an array; all are strings. JSON goes into ue_pr and co, as text.`;
  return malformedItem(raw, { code: "type", pointer: "", message, expected: "a string" });
}

function mapped(
  parameters: SnowplowParameters,
  raw: Buffer,
  limits: EventLimits,
  receivedMs: number,
  networkUserId: string | undefined,
): IncomingItem {
  const event = mapSnowplow(parameters, limits, receivedMs, networkUserId);
  return "code" in event ? malformedItem(raw, event) : mappedItem(event, limits);
}

function notAnEnvelope(body: Buffer): UnreadableBody {
  const text = body.toString("utf8");
  // Not parsed: nobody has looked at its limits.
  if (findJsonFault(text) !== undefined) return unreadable("invalid_json", explainJson(text));
  return unreadable("no_events", `The body is no envelope of Snowplow's: ${ENVELOPE}.`);
}
