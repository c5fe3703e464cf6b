import type { IncomingHttpHeaders } from "node:http";
import type { ValidationProblem } from "../../../core/validation.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, IncomingBody } from "../incoming-event.ts";
import { mappedItem } from "../mapped-event.ts";
import { essenceOf } from "../media-type.ts";
import { withProblems } from "../with-problems.ts";
import { binaryData } from "./binary-data.ts";
import { decodeHeaderValue } from "./header-value.ts";

const PREFIX = "ce-";

/** True when headers hold the attributes of an event, whose data is the body. */
export function isBinaryMode(headers: IncomingHttpHeaders): boolean {
  if (headers["ce-specversion"] === undefined && headers["ce-type"] === undefined) return false;
  return !isCloudEventsType(essenceOf(headers["content-type"] ?? ""));
}

/** True for media types that hold whole events, whether or not their format can be read here. */
export function isCloudEventsType(essence: string): boolean {
  return essence.startsWith("application/cloudevents");
}

/** Reads an event whose attributes are headers (`ce-type: …`) and whose data is the body. */
export function* readBinary(headers: IncomingHttpHeaders, body: Buffer, limits: EventLimits): IncomingBody {
  const size = { start: 0, end: body.length, depth: 0, keys: 0, ownKeys: 0, longName: false };
  const tooLarge = brokenLimit(size, limits);
  if (tooLarge !== undefined) {
    yield { kind: "malformed", malformed: { id: undefined, problems: [tooLarge], raw: body, parsed: false } };
    return undefined;
  }
  const { problems, ...attributes } = readAttributes(headers);
  const mediaType = headers["content-type"] ?? "";
  const { data, base64, problem } = binaryData(body, mediaType, limits);
  const { id, type, time, dataschema, ...others } = attributes.values;
  const item = mappedItem(
    {
      id,
      type,
      time,
      dataschema,
      attributes: {
        ...others,
        ...(mediaType === "" ? {} : { datacontenttype: mediaType }),
        ...(base64 === undefined ? {} : { data_base64: base64 }),
      },
      data,
    },
    limits,
  );
  yield withProblems(item, problem === undefined ? problems : [...problems, problem]);
  return undefined;
}

interface HeaderAttributes {
  /** What cannot be decoded is there as it was sent. */
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly ValidationProblem[];
}

function readAttributes(headers: IncomingHttpHeaders): HeaderAttributes {
  const values: [string, string][] = [];
  const problems: ValidationProblem[] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(PREFIX) || typeof value !== "string") continue;
    const name = header.slice(PREFIX.length);
    if (name === "data" || name === "data_base64" || name === "datacontenttype") {
      problems.push(notAHeader(name));
      continue;
    }
    const text = decodeHeaderValue(value);
    if (text === undefined) problems.push(notUtf8(name));
    values.push([name, text ?? value]);
  }
  // By definition of properties, so that `__proto__` is a name like others.
  return { values: Object.fromEntries(values), problems };
}

function notAHeader(name: string): ValidationProblem {
  const place = name === "datacontenttype" ? "It is the header Content-Type." : "Data is the body.";
  const message = `The header ${PREFIX}${name} may not be there. ${place}`;
  return { code: "invalid_attribute", pointer: `/${name}`, message };
}

function notUtf8(name: string): ValidationProblem {
  return {
    code: "invalid_attribute",
    pointer: `/${name}`,
    message: `The header ${PREFIX}${name} is not percent-encoded UTF-8. Encode it as encodeURIComponent does.`,
    expected: "percent-encoded UTF-8",
  };
}
