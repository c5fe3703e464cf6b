import { scanMembers } from "../../../core/json-scan.ts";

/** A parameter of the tracker protocol. */
export interface SnowplowParameter {
  /** A number or a truth value as it is written; `undefined` for null, which counts as absent. */
  readonly text: string | undefined;
  /** The value as JSON, byte for byte where it was sent as JSON. */
  readonly json: string;
}

/** The parameters of one event, by their names in the protocol, in their order. */
export type SnowplowParameters = ReadonlyMap<string, SnowplowParameter>;

/** Of a query. */
export function parametersOfQuery(query: ReadonlyMap<string, string>): SnowplowParameters {
  return new Map([...query].map(([name, text]) => [name, { text, json: JSON.stringify(text) }]));
}

/**
 * Of an element of `data` in a POST.
 *
 * @param raw JSON that can be parsed
 * @returns the name of the parameter that holds an object or an array, which none may; `undefined`
 *   when the element is no object
 */
export function parametersOfJson(raw: Buffer): SnowplowParameters | string | undefined {
  const members = scanMembers(raw, 0, raw.length);
  if (members === undefined) return undefined;
  const parameters = new Map<string, SnowplowParameter>();
  for (const { keyStart, keyEnd, valueStart, valueEnd } of members) {
    const name = String(JSON.parse(raw.toString("utf8", keyStart, keyEnd)));
    const json = raw.toString("utf8", valueStart, valueEnd);
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null) return name;
    parameters.set(name, { text: typeof value === "string" ? value : value === null ? undefined : json, json });
  }
  return parameters;
}
