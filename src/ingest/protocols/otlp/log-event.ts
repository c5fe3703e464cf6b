import { membersOf } from "./json-walk.ts";
import { mappedItem } from "../mapped-event.ts";
import type { EventLimits, IncomingItem } from "../incoming-event.ts";
import { objectOf, plainJson, plainMembers, textAttribute, ValueFault } from "./any-value.ts";
import { type Part } from "./part.ts";
import { resourceAttributes, shortText } from "./resource-attributes.ts";
import { LOGS } from "./signal.ts";
import { rfc3339OfNanos } from "./unix-nanos.ts";
import { isObject } from "../json-object.ts";

/** An event's name as SDKs sent it before log records had a member for it. */
const EVENT_NAME = "event.name";
/** OpenTelemetry's name for what tells a record from all others, and repeats of it apart from new ones. */
const RECORD_ID = "log.record.uid";

const ALL_ZERO = /^0*$/;

/**
 * Makes an event of a log record.
 *
 * A record with a name is an event of OpenTelemetry: the name is its type, and its data what a
 * sender would have put into `data`: the body where that is a map, else the attributes, else the
 * body. Any other record is of the type `otlp.log`, and its data is its body and attributes.
 * What has no other place stays in `otlp`: the record with its scope and resource, as OTLP writes
 * them, without what is elsewhere.
 */
export function logItem(part: Part, limits: EventLimits): IncomingItem {
  if (part.problem !== undefined) return refused(part, part.problem);
  try {
    return mapped(part, limits);
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error;
    return refused(part, error.problem);
  }
}

function refused({ raw, problem: itsOwn }: Part, problem: NonNullable<Part["problem"]>): IncomingItem {
  return { kind: "malformed", malformed: { id: undefined, problems: [problem], raw, parsed: itsOwn === undefined } };
}

function mapped(part: Part, limits: EventLimits): IncomingItem {
  const { value: record, resource } = part;
  const list = record["attributes"];
  const attributes = plainMembers(list, "/attributes");
  const eventName = nonEmpty(record["eventName"]);
  const namedBefore = eventName === undefined ? nonEmpty(textAttribute(list, EVENT_NAME)) : undefined;
  const name = eventName ?? namedBefore;
  const id = nonEmpty(textAttribute(list, RECORD_ID));
  if (namedBefore !== undefined) attributes.delete(EVENT_NAME);
  if (id !== undefined) attributes.delete(RECORD_ID);

  // Whatever gets a place of its own is taken out; what remains goes to `otlp` as it was sent.
  const members = membersAsSent(part.raw);
  const time = rfc3339OfNanos(members.get("timeUnixNano"));
  if (time !== undefined) members.delete("timeUnixNano");
  const severitynumber = severityOf(record["severityNumber"]);
  const severitytext = shortText(record["severityText"]);
  const traceid = idOf(record["traceId"], 32);
  const spanid = idOf(record["spanId"], 16);
  const placed = {
    eventName,
    severityNumber: severitynumber,
    severityText: severitytext,
    traceId: traceid,
    spanId: spanid,
  };
  for (const [member, value] of Object.entries(placed)) {
    if (value !== undefined || isUnset(record[member])) members.delete(member);
  }
  const data = name === undefined ? logData(record, attributes) : eventData(record, attributes);
  if (data.holdsBody) members.delete("body");
  if (data.holdsAttributes) members.delete("attributes");
  return mappedItem(
    {
      id,
      type: name ?? LOGS.type,
      time: time ?? rfc3339OfNanos(members.get("observedTimeUnixNano")),
      attributes: {
        severitynumber,
        severitytext,
        traceid,
        spanid,
        userid: shortText(textAttribute(list, "user.id")),
        sessionid: shortText(textAttribute(list, "session.id")),
        ...resourceAttributes(resource),
        otlp: leftOver(part, members),
      },
      data: data.json === undefined ? undefined : Buffer.from(data.json),
    },
    limits,
  );
}

interface Data {
  readonly json: string | undefined;
  readonly holdsBody: boolean;
  readonly holdsAttributes: boolean;
}

function eventData(record: Part["value"], attributes: ReadonlyMap<string, string>): Data {
  const body = record["body"];
  if (isObject(body) && isObject(body["kvlistValue"])) {
    return { json: plainJson(body, "/body"), holdsBody: true, holdsAttributes: attributes.size === 0 };
  }
  if (attributes.size > 0) return { json: objectOf(attributes), holdsBody: false, holdsAttributes: true };
  return { json: hasValue(body) ? plainJson(body, "/body") : undefined, holdsBody: true, holdsAttributes: true };
}

function logData(record: Part["value"], attributes: ReadonlyMap<string, string>): Data {
  const data = new Map<string, string>();
  if (hasValue(record["body"])) data.set("body", plainJson(record["body"], "/body"));
  if (attributes.size > 0) data.set("attributes", objectOf(attributes));
  return { json: objectOf(data), holdsBody: true, holdsAttributes: true };
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** 1 to 24 (fatal) as OpenTelemetry numbers them. */
function severityOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 24 ? value : undefined;
}

/** How protobuf, and some who write JSON, say that there is no value. */
function isUnset(value: unknown): boolean {
  return value === null || value === "" || value === 0;
}

function hasValue(body: unknown): boolean {
  return body !== null && body !== undefined && !(isObject(body) && Object.keys(body).length === 0);
}

/** The text of each member, by its name. */
function membersAsSent(raw: Buffer): Map<string, string> {
  const members = new Map<string, string>();
  for (const { key, value } of membersOf(raw, 0, raw.length)) {
    const name: unknown = JSON.parse(raw.toString("utf8", key.start, key.end));
    members.set(String(name), raw.toString("utf8", value.start, value.end));
  }
  return members;
}

/** What is left of a record, within the scope and resource it came in. */
function leftOver({ resource, scope }: Part, members: ReadonlyMap<string, string>): string | undefined {
  const record = members.size === 0 ? [] : [`"${LOGS.items}":[${objectOf(members)}]`];
  const inScope = [scope.json, ...record].filter((each) => each !== "").join(",");
  const scopes = inScope === "" ? [] : [`"${LOGS.scopes}":[{${inScope}}]`];
  const inResource = [resource.json, ...scopes].filter((each) => each !== "").join(",");
  return inResource === "" ? undefined : `{${inResource}}`;
}

/** A trace or span id in lower case; `undefined` when it is none, or says that there is none. */
function idOf(value: unknown, digits: number): string | undefined {
  if (typeof value !== "string" || value.length !== digits || !/^[0-9a-f]*$/i.test(value)) return undefined;
  return ALL_ZERO.test(value) ? undefined : value.toLowerCase();
}
