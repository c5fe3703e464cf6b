import type { ValidationProblem } from "../../../core/validation.ts";
import { scanMembers } from "../../../core/json-scan.ts";
import { jsonOfBase64, jsonOfText } from "../embedded-json.ts";
import type { EventLimits, IncomingBody } from "../incoming-event.ts";
import { malformedItem } from "../malformed-item.ts";
import { mappedItem } from "../mapped-event.ts";
import { urlParameters } from "../url-parameters.ts";

const PREFIX = "data.";

/** The first characters that JSON has in base64. Without it, JSON begins with none of them. */
const BASE64_START = /^[CIL-PWZbde]/;

/**
 * Reads the event that is in the query of an image: `type`, `id` and `time`, `data` as JSON or in
 * base64url, and members of `data`, which are all other parameters and those with `data.` before them.
 */
export function* readPixel(target: string, limits: EventLimits): IncomingBody {
  const query = urlParameters(target);
  if ("kind" in query) return query;
  const data = dataOf(query, limits);
  if (data !== undefined && !Buffer.isBuffer(data)) {
    yield malformedItem(Buffer.from(JSON.stringify(Object.fromEntries(query))), data);
    return undefined;
  }
  yield mappedItem(
    {
      type: query.get("type"),
      id: query.get("id"),
      // The plus of an offset means a space where nobody has encoded it, and a time has none.
      time: query.get("time")?.replace(" ", "+"),
      data,
    },
    limits,
  );
  return undefined;
}

/** `data` as JSON text: what the parameter of that name holds, and the members that have parameters of their own. */
function dataOf(query: ReadonlyMap<string, string>, limits: EventLimits): Buffer | ValidationProblem | undefined {
  const text = query.get("data");
  const given = text === undefined ? undefined : jsonOfEither(text, limits);
  if (given !== undefined && !Buffer.isBuffer(given)) return given;
  const names = new Set<string>();
  const members: string[] = [];
  if (given !== undefined) {
    const inside = membersOf(given);
    if (inside === undefined) return hasMembers(query) ? NO_ROOM : given;
    for (const name of inside.names) names.add(name);
    if (inside.text !== "") members.push(inside.text);
  }
  for (const [parameter, value] of query) {
    const name = memberName(parameter);
    if (name === undefined) continue;
    if (names.has(name)) return givenTwice(name);
    names.add(name);
    members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  }
  return given === undefined && members.length === 0 ? undefined : Buffer.from(`{${members.join(",")}}`);
}

function jsonOfEither(text: string, limits: EventLimits): Buffer | ValidationProblem {
  return BASE64_START.test(text) ? jsonOfBase64("data", text, limits) : jsonOfText("data", text, limits);
}

/** The member of `data` that a parameter is; `undefined` for those of the event itself. */
function memberName(parameter: string): string | undefined {
  if (parameter.startsWith(PREFIX)) return parameter.slice(PREFIX.length);
  return parameter === "type" || parameter === "id" || parameter === "time" || parameter === "data"
    ? undefined
    : parameter;
}

function hasMembers(query: ReadonlyMap<string, string>): boolean {
  return [...query.keys()].some((parameter) => memberName(parameter) !== undefined);
}

/** What is between the braces of an object; `undefined` when the JSON is none. */
function membersOf(json: Buffer): { readonly names: readonly string[]; readonly text: string } | undefined {
  const members = scanMembers(json, 0, json.length);
  return (
    members && {
      names: members.map(({ keyStart, keyEnd }) => String(JSON.parse(json.toString("utf8", keyStart, keyEnd)))),
      text: json.toString("utf8", 1, json.length - 1).trim(),
    }
  );
}

const NO_ROOM: ValidationProblem = {
  code: "type",
  pointer: "/data",
  message: 'The parameter "data" must be a JSON object when other parameters are to be members of it.',
  expected: "an object",
};

function givenTwice(name: string): ValidationProblem {
  const shown = JSON.stringify(name.slice(0, 60));
  return {
    code: "invalid_attribute",
    pointer: "/data",
    message: `The member ${shown} of "data" is given twice. Give it once.`,
    found: shown,
  };
}
