import type { ValidationProblem } from "../../../core/validation.ts";
import { scanMembers } from "../../../core/json-scan.ts";

const IGLU = /^iglu:[\w.-]+\/([\w.-]+)\/[\w.-]+\/\d+-\d+-\d+$/;
const EXAMPLE = '{"schema":"iglu:com.acme/checkout.paid/jsonschema/1-0-0","data":{…}}';

/** What a self-describing event says. */
export interface SelfDescribing {
  /** The name of its schema, which is the event's type. */
  readonly type: string;
  /** The whole Iglu URI. */
  readonly schema: string;
  /** JSON, byte for byte as it was sent. */
  readonly data: Buffer;
}

/**
 * Reads the content of `ue_pr` or `ue_px`: an envelope of the schema `unstruct_event`, whose `data` is
 * the event with a schema of its own.
 *
 * @param name of the parameter, for who reads what is wrong with it
 * @param json text that can be parsed
 */
export function readSelfDescribing(name: string, json: Buffer): SelfDescribing | ValidationProblem {
  const envelope = described(json);
  if (envelope === undefined || !/\/unstruct_event\//.test(envelope.schema)) {
    return wrongForm(
      name,
      'is not the envelope {"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":…}',
    );
  }
  const event = described(envelope.data);
  if (event === undefined) return wrongForm(name, `holds "data" that does not describe itself, such as ${EXAMPLE}`);
  const type = IGLU.exec(event.schema)?.[1];
  if (type === undefined) {
    const found = JSON.stringify(event.schema.slice(0, 60));
    return wrongForm(name, `names the schema ${found}, which is no Iglu URI, such as in ${EXAMPLE}`);
  }
  return { type, ...event };
}

/** An object with just `schema` and `data`; `undefined` for anything else. */
function described(json: Buffer): { readonly schema: string; readonly data: Buffer } | undefined {
  const members = scanMembers(json, 0, json.length);
  if (members?.length !== 2) return undefined;
  let schema: unknown;
  let data: Buffer | undefined;
  for (const { keyStart, keyEnd, valueStart, valueEnd } of members) {
    const name: unknown = JSON.parse(json.toString("utf8", keyStart, keyEnd));
    if (name === "schema") schema = JSON.parse(json.toString("utf8", valueStart, valueEnd));
    else if (name === "data") data = json.subarray(valueStart, valueEnd);
  }
  return typeof schema === "string" && data !== undefined ? { schema, data } : undefined;
}

function wrongForm(name: string, why: string): ValidationProblem {
  return { code: "invalid_attribute", pointer: `/${name}`, message: `The parameter "${name}" ${why}.` };
}
