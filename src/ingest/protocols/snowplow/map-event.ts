import type { ValidationProblem } from "../../../core/validation.ts";
import { type EmbeddedJson, jsonOfBase64, jsonOfText } from "../embedded-json.ts";
import type { EventLimits } from "../incoming-event.ts";
import type { MappedEvent } from "../mapped-event.ts";
import { eventTime } from "./event-time.ts";
import { readSelfDescribing } from "./self-describing.ts";
import type { SnowplowParameters } from "./snowplow-parameters.ts";
import { dataOf, STANDARD_EVENT_CODES, standardEventOf } from "./standard-events.ts";

/** Parameters that are attributes of their own. */
const ATTRIBUTES = [
  ["uid", "userid"],
  ["duid", "domainuserid"],
  ["sid", "sessionid"],
] as const;

/**
 * What trackers call a network user id that they set themselves: `tnuid`, which Snowplow lets overwrite the
 * collector's, and `nuid`, which its collector takes before the cookie.
 */
const OWN_NETWORK_USER = ["tnuid", "nuid"] as const;

/** What an event tells of itself, and the parameters that say it. */
interface Said {
  readonly event: Pick<MappedEvent, "type" | "dataschema" | "data">;
  readonly by: Iterable<string>;
}

/**
 * Makes an event of ours of an event of Snowplow's, or tells what is wrong with it.
 *
 * @param networkUserId by the collector's cookie, for events that do not name one
 */
export function mapSnowplow(
  parameters: SnowplowParameters,
  limits: EventLimits,
  receivedMs: number,
  networkUserId?: string,
): MappedEvent | ValidationProblem {
  const said = whatIsSaid(parameters, limits);
  if ("code" in said) return said;
  const when = eventTime(parameters, receivedMs);
  if ("code" in when) return when;
  const placed = new Set<string>([...said.by, "e", "eid"]);
  const attributes: Record<string, string> = {};
  for (const [name, attribute] of ATTRIBUTES) {
    const text = parameters.get(name)?.text;
    if (text === undefined || text === "") continue;
    attributes[attribute] = text;
    placed.add(name);
  }
  if (networkUserId !== undefined) {
    const own = OWN_NETWORK_USER.find((name) => parameters.get(name)?.text);
    attributes["networkuserid"] = (own && parameters.get(own)?.text) ?? networkUserId;
    if (own !== undefined) placed.add(own);
  }
  const left = leftOver(parameters, placed, limits);
  if (typeof left === "object") return left;
  if (left !== undefined) attributes["snowplow"] = left;
  // An empty id is none: some trackers send parameters that have no value.
  const id = parameters.get("eid")?.text;
  return { ...said.event, id: id === "" ? undefined : id, time: when.time, attributes };
}

function whatIsSaid(parameters: SnowplowParameters, limits: EventLimits): Said | ValidationProblem {
  const code = parameters.get("e")?.text;
  if (code === undefined) {
    return {
      code: "required",
      pointer: "/e",
      message: `"e" is missing, which tells what kind of event this is: ${known()}.`,
    };
  }
  if (code === "ue") return selfDescribing(parameters, limits);
  const standard = standardEventOf(code);
  if (standard !== undefined) {
    return { event: { type: standard.type, data: dataOf(standard, parameters) }, by: standard.columns.keys() };
  }
  const found = JSON.stringify(code.slice(0, 60));
  const message = `"e" must be one of ${known()}; found ${found}.`;
  return { code: "invalid_attribute", pointer: "/e", message, expected: known(), found };
}

function known(): string {
  return ["ue", ...STANDARD_EVENT_CODES].join(", ");
}

function selfDescribing(parameters: SnowplowParameters, limits: EventLimits): Said | ValidationProblem {
  const name = ["ue_pr", "ue_px"].find((each) => parameters.get(each)?.text) ?? "ue_pr";
  const json = jsonOf(parameters, name, limits);
  if (json === undefined) {
    const message = 'A self-describing event has its JSON in "ue_pr", or in base64url in "ue_px"; neither is there.';
    return { code: "required", pointer: "/ue_pr", message };
  }
  if (!Buffer.isBuffer(json)) return json;
  const described = readSelfDescribing(name, json);
  if ("code" in described) return described;
  const { type, schema, data } = described;
  return { event: { type, dataschema: schema, data }, by: [name] };
}

/** JSON that is in a parameter, whose name tells by an `x` at its end that it is in base64; `undefined` when there is none. */
function jsonOf(parameters: SnowplowParameters, name: string, limits: EventLimits): EmbeddedJson | undefined {
  const text = parameters.get(name)?.text;
  if (text === undefined || text === "") return undefined;
  return name.endsWith("x") ? jsonOfBase64(name, text, limits) : jsonOfText(name, text, limits);
}

/**
 * All that has no place in the event, as JSON text. Contexts are JSON in it, not text, and have one name,
 * however they were sent.
 */
function leftOver(
  parameters: SnowplowParameters,
  placed: ReadonlySet<string>,
  limits: EventLimits,
): string | undefined | ValidationProblem {
  const members: string[] = [];
  for (const [name, { json }] of parameters) {
    if (placed.has(name)) continue;
    const contexts = name === "co" || name === "cx" ? jsonOf(parameters, name, limits) : undefined;
    if (contexts !== undefined && !Buffer.isBuffer(contexts)) return contexts;
    const keptAs = name === "cx" && !parameters.has("co") ? "co" : name;
    members.push(`${JSON.stringify(keptAs)}:${contexts === undefined ? json : contexts.toString("utf8")}`);
  }
  return members.length === 0 ? undefined : `{${members.join(",")}}`;
}
