import { scanMembers, skipSpace } from "../core/json-scan.ts";

/**
 * The bytes of the member `name` of a JSON object; of the last one, as `JSON.parse` takes it, when it is repeated.
 * What `JSON.parse` would not keep, such as the digits of a large number, is still in them.
 *
 * @param json an object that `JSON.parse` accepts; its names have no escapes, or are not found
 */
export function memberBytes(json: Buffer, name: string): Buffer | undefined {
  const wanted = Buffer.from(`"${name}"`);
  let found: Buffer | undefined;
  for (const { keyStart, keyEnd, valueStart, valueEnd } of scanMembers(
    json,
    skipSpace(json, 0, json.length),
    json.length,
  ) ?? [])
    if (json.subarray(keyStart, keyEnd).equals(wanted)) found = json.subarray(valueStart, valueEnd);
  return found;
}

/** A JSON object with further members, which hold where it has some of these names already: the last one counts. */
export function withMembers(json: Buffer, members: Readonly<Record<string, unknown>>): Buffer {
  const added = JSON.stringify(members).slice(1, -1);
  if (added === "") return json;
  const end = json.lastIndexOf("}");
  const isEmpty = skipSpace(json, json.indexOf("{") + 1, json.length) === end;
  return Buffer.concat([json.subarray(0, end), Buffer.from(`${isEmpty ? "" : ","}${added}}`)]);
}
