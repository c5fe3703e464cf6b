import { type ScannedMember, scanElements, scanMembers } from "../../body/json-scan.ts";

/** Where in a value something is (RFC 6901): names of members, and places in arrays. */
export type PointerTokens = readonly string[];

export function isJsonPointer(text: string): boolean {
  return /^(?:\/(?:[^/~]|~[01])*)+$/.test(text);
}

export function pointerTokens(pointer: string): PointerTokens {
  return pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/**
 * The bytes of what a pointer leads to, as they were sent, so that no digit of a number is lost;
 * `undefined` when there is nothing. Of members with the same name the last counts, as with `JSON.parse`.
 *
 * @param json bytes that `JSON.parse` accepts, without white space around them
 */
export function bytesAt(json: Buffer, tokens: PointerTokens): Buffer | undefined {
  let value: Buffer | undefined = json;
  for (const token of tokens) value = value && childAt(value, token);
  return value;
}

function childAt(json: Buffer, token: string): Buffer | undefined {
  const members = scanMembers(json, 0, json.length);
  if (members === undefined) return elementAt(json, token);
  const member = members.findLast((each) => memberName(json, each) === token);
  return member && json.subarray(member.valueStart, member.valueEnd);
}

function elementAt(json: Buffer, token: string): Buffer | undefined {
  if (!/^(?:0|[1-9]\d{0,5})$/.test(token)) return undefined;
  const element = scanElements(json, 0, json.length, Number(token))?.[Number(token)];
  return element && json.subarray(element.start, element.end);
}

/** The name of a member, however it is spelled. */
export function memberName(json: Buffer, { keyStart, keyEnd }: ScannedMember): string {
  const name = json.toString("utf8", keyStart + 1, keyEnd - 1);
  return name.includes("\\") ? String(JSON.parse(`"${name}"`)) : name;
}
