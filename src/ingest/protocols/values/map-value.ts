import type { IncomingHttpHeaders } from "node:http";
import type { ValidationProblem } from "../../../core/validation.ts";
import type { EventLimits, IncomingItem } from "../incoming-event.ts";
import { mappedItem } from "../mapped-event.ts";
import { pointerSteps } from "../../json-pointer.ts";
import { bytesAt } from "./bytes-at.ts";
import { readTime } from "./read-time.ts";
import { headerOf, type ValueOptions } from "./value-options.ts";

const QUOTE = 0x22;

/** Longer than any id or type may be, so that a longer one is still refused, and not once a value of the request kept. */
const MAX_HEADER_CHARS = 300;

/** How the values of one request become events. */
export interface ValueRules {
  readonly options: ValueOptions;
  readonly headers: IncomingHttpHeaders;
  /** Where options name none. */
  readonly type: string;
  /** The time of a value where options name none; RFC 3339. */
  timeOf?(json: Buffer): string | undefined;
  /** Attributes of every event. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * Makes an event of a value of any form: it is `data`, byte for byte, and its type, id and time are
 * where the source's options say.
 *
 * @param json bytes that `JSON.parse` accepts, without white space around them
 * @param index place in the request, from 0
 * @param more what is known of this value besides
 */
export function mapValue(
  json: Buffer,
  index: number,
  rules: ValueRules,
  limits: EventLimits,
  more: { readonly time?: string | undefined; readonly attributes?: Readonly<Record<string, unknown>> } = {},
): IncomingItem {
  const { options } = rules;
  const problems: ValidationProblem[] = [];
  const type =
    options.typeFrom === undefined
      ? (options.type ?? rules.type)
      : required(textAt(json, rules, "type", options.typeFrom, problems), options.typeFrom, problems);
  const id =
    options.idFrom === undefined
      ? undefined
      : distinct(textAt(json, rules, "id", options.idFrom, problems), options.idFrom, index);
  const time =
    options.timeFrom === undefined
      ? (rules.timeOf?.(json) ?? more.time)
      : asTime(textAt(json, rules, "time", options.timeFrom, problems), options.timeFrom, problems);
  if (problems.length > 0) return { kind: "malformed", malformed: { id, problems, raw: json, parsed: true } };
  return mappedItem({ id, type, time, attributes: { ...rules.attributes, ...more.attributes }, data: json }, limits);
}

/** The text of a string or a number in JSON; `undefined` for anything else. */
export function scalarText(json: Buffer): string | undefined {
  if (json[0] === QUOTE) return String(JSON.parse(json.toString("utf8")));
  const text = json.toString("utf8");
  return /^-?\d/.test(text) ? text : undefined;
}

/** The text at a place; `undefined` when there is none, or null. */
function textAt(
  json: Buffer,
  { headers }: ValueRules,
  attribute: string,
  place: string,
  problems: ValidationProblem[],
): string | undefined {
  const header = headerOf(place);
  if (header !== undefined) {
    const value = headers[header];
    return typeof value === "string" ? value.slice(0, MAX_HEADER_CHARS) : undefined;
  }
  const steps = pointerSteps(place);
  const found = steps && bytesAt(json, steps);
  // Of all JSON only null begins with an n.
  if (found === undefined || found[0] === 0x6e) return undefined;
  const text = scalarText(found);
  if (text === undefined) {
    problems.push({
      code: "type",
      pointer: `/data${place}`,
      message: `The ${attribute} is taken from ${place}, where a string or a number must be.`,
      expected: "a string or a number",
    });
  }
  return text;
}

function required(text: string | undefined, place: string, problems: ValidationProblem[]): string | undefined {
  if (text !== undefined || problems.length > 0) return text;
  problems.push({
    code: "required",
    pointer: headerOf(place) === undefined ? `/data${place}` : "/type",
    message: `The type is taken from ${place}, and there is nothing. Send it, or change \`typeFrom\` of the source in the collector's configuration.`,
    expected: "a string",
  });
  return undefined;
}

/** A header stands for the whole request, and its values must not have one id. */
function distinct(id: string | undefined, place: string, index: number): string | undefined {
  return id === undefined || index === 0 || headerOf(place) === undefined ? id : `${id}.${index}`;
}

function asTime(text: string | undefined, place: string, problems: ValidationProblem[]): string | undefined {
  if (text === undefined) return undefined;
  const time = readTime(text);
  if (time !== undefined) return time;
  problems.push({
    code: "invalid_attribute",
    pointer: headerOf(place) === undefined ? `/data${place}` : "/time",
    message: `The time is taken from ${place}, where it must be as in RFC 3339, such as "2026-01-31T12:00:00Z", or Unix time; found ${JSON.stringify(text.slice(0, 60))}.`,
    expected: "a time",
  });
  return undefined;
}
